import 'reflect-metadata';
import { requestLogFields } from '@runspine/request-context';
import { runService } from '@runspine/service';
import { nexusSettings } from './config.js';
import { startNexus } from './nexus.js';

await runService({ name: 'nexus', settings: nexusSettings, start: startNexus, logFields: requestLogFields });
