import { Body, Controller, Inject, Param, Post, Res } from '@nestjs/common';
import { type CommandDefinition, completeStep, createStep, failStep, skipStep, startStep } from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import type { FastifyReply } from 'fastify';
import { CommandBodyPipe, runIdPipe, stepIdPipe } from '../http/pipes.js';
import { Write, type WriteRequest } from '../http/write-headers.js';
import { sendResult } from './command-answer.js';
import type { CommandTarget } from './command-event.js';
import { RunCommands } from './run-commands.js';
import { WriteDoc } from './write-doc.js';

type Data = Record<string, unknown>;

/** Writes to steps: each submits one event, and answers when it is applied or refused. */
@Controller('v1/runs/:runId/steps')
export class StepWritesController {
  constructor(@Inject(RunCommands) private readonly commands: RunCommands) {}

  @Post()
  @Requires('writer')
  @WriteDoc(createStep, 'Create a step', 'While the run is created or running. The caller may bring its own step_id.')
  create(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) runId: string,
    @Body(new CommandBodyPipe(createStep)) body: Data,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.submit(reply, createStep, caller, { runId }, body, request);
  }

  @Post(':stepId/start')
  @Requires('writer')
  @WriteDoc(startStep, 'Start a step', 'pending → running; failed → running with a higher attempt.')
  start(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) runId: string,
    @Param('stepId', stepIdPipe) stepId: string,
    @Body(new CommandBodyPipe(startStep)) body: Data,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.submit(reply, startStep, caller, { runId, stepId }, body, request);
  }

  @Post(':stepId/complete')
  @Requires('writer')
  @WriteDoc(completeStep, 'Complete a step', 'running → completed; from pending with source checkpoint only.')
  complete(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) runId: string,
    @Param('stepId', stepIdPipe) stepId: string,
    @Body(new CommandBodyPipe(completeStep)) body: Data,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.submit(reply, completeStep, caller, { runId, stepId }, body, request);
  }

  @Post(':stepId/fail')
  @Requires('writer')
  @WriteDoc(failStep, 'Fail a step', 'running or pending → failed.')
  fail(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) runId: string,
    @Param('stepId', stepIdPipe) stepId: string,
    @Body(new CommandBodyPipe(failStep)) body: Data,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.submit(reply, failStep, caller, { runId, stepId }, body, request);
  }

  @Post(':stepId/skip')
  @Requires('writer')
  @WriteDoc(skipStep, 'Skip a step', 'pending → skipped.')
  skip(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) runId: string,
    @Param('stepId', stepIdPipe) stepId: string,
    @Body(new CommandBodyPipe(skipStep)) body: Data,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.submit(reply, skipStep, caller, { runId, stepId }, body, request);
  }

  private async submit(
    reply: FastifyReply,
    command: CommandDefinition,
    caller: Identity,
    target: CommandTarget,
    body: Data,
    request: WriteRequest,
  ): Promise<void> {
    sendResult(reply, command, await this.commands.submit(caller, command, target, body, request));
  }
}
