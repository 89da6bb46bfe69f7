import 'reflect-metadata';
import { requestLogFields } from '@runspine/request-context';
import { runService } from '@runspine/service';
import { gatewaySettings } from './config.js';
import { startGateway } from './gateway.js';

await runService({ name: 'gateway', settings: gatewaySettings, start: startGateway, logFields: requestLogFields });
