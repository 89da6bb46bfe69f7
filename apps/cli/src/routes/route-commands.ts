import { Option } from 'commander';
import { type CliCommand, pairs } from '../command.js';
import type { PutRouteOptions, RouteKeyOptions } from './routes.js';

/** `runspine routes`: which store serves whom. */
export function addRouteCommands(program: CliCommand): void {
  const routes = program.add('routes', 'which store serves whom; role admin');
  const keyed = (command: CliCommand) =>
    command
      .addOption(
        new Option('--kind <kind>', 'spaces or blobs')
          .choices(['store', 'blobs', 'nexus_store', 'nexus_blob_store'])
          .makeOptionMandatory(),
      )
      .option('--for-tenant <tenant>', 'whom; * for any, which takes the role system (default: --tenant)')
      .option('--for-env <env>', 'which env', '*')
      .option('--for-project <project>', 'which project', '*');
  routes
    .add('list', 'the routes that there are')
    .example('runspine routes list --roles admin', 'in development')
    .does(async (session) => (await import('./routes.js')).listRoutes(session));
  keyed(routes.add('put', 'set a route').argument('[uri]', 's3://…, gs://…, az://… or file:///…') as CliCommand)
    .option('--none', 'there is none: what is more general does not serve')
    .option('--option <name=value>', 'storage option; secrets as env:NAME; again for more', pairs)
    .example('runspine routes put --kind store s3://acme/nexus --option region=eu-central-1', 'spaces on S3')
    .does<PutRouteOptions>(async (session, { args: [uri], options }) =>
      (await import('./routes.js')).putRoute(session, uri, options),
    );
  keyed(routes.add('delete', 'take a route away'))
    .option('-y, --yes', 'do not ask')
    .example(
      'runspine routes delete --kind store --for-project apart --roles admin',
      'what is more general serves again',
    )
    .does<RouteKeyOptions & { yes?: boolean }>(async (session, { options }) =>
      (await import('./routes.js')).deleteRoute(session, options),
    );
}
