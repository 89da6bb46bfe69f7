import { Module } from '@nestjs/common';
import { AdminController } from './admin.controller.js';
import { ProjectorClient } from './projector-client.js';

/** Administration as callers see it; a projector does it. */
@Module({ controllers: [AdminController], providers: [ProjectorClient] })
export class AdminModule {}
