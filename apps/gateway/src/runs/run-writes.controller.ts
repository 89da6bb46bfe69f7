import { Body, Controller, Inject, Param, Post, Res } from '@nestjs/common';
import {
  annotateRun,
  cancelRun,
  type CommandDefinition,
  completeRun,
  createRun,
  eraseRunPayloads,
  failRun,
  heartbeatRun,
  startRun,
} from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import type { FastifyReply } from 'fastify';
import { CommandBodyPipe, runIdPipe } from '../http/pipes.js';
import { Write, type WriteRequest } from '../http/write-headers.js';
import type { CommandTarget } from './command-event.js';
import { sendResult } from './command-answer.js';
import { RunCommands } from './run-commands.js';
import { WriteDoc } from './write-doc.js';

type Data = Record<string, unknown>;

/** Writes to runs: each submits one event, and answers when it is applied or refused. */
@Controller('v1/runs')
export class RunWritesController {
  constructor(@Inject(RunCommands) private readonly commands: RunCommands) {}

  @Post()
  @Requires('writer')
  @WriteDoc(createRun, 'Create a run', 'The caller may bring its own run_id, whose affinity must then be the room’s.')
  create(
    @Caller() caller: Identity,
    @Body(new CommandBodyPipe(createRun)) body: Data,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.submit(reply, createRun, caller, {}, body, request);
  }

  @Post(':runId/start')
  @Requires('writer')
  @WriteDoc(startRun, 'Start a run', 'created → running.')
  start(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) runId: string,
    @Body(new CommandBodyPipe(startRun)) body: Data,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.submit(reply, startRun, caller, { runId }, body, request);
  }

  @Post(':runId/complete')
  @Requires('writer')
  @WriteDoc(completeRun, 'Complete a run', 'running → completed. Steps that never ended become unreported.')
  complete(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) runId: string,
    @Body(new CommandBodyPipe(completeRun)) body: Data,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.submit(reply, completeRun, caller, { runId }, body, request);
  }

  @Post(':runId/fail')
  @Requires('writer')
  @WriteDoc(failRun, 'Fail a run', 'created or running → failed.')
  fail(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) runId: string,
    @Body(new CommandBodyPipe(failRun)) body: Data,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.submit(reply, failRun, caller, { runId }, body, request);
  }

  @Post(':runId/cancel')
  @Requires('writer')
  @WriteDoc(cancelRun, 'Cancel a run', 'created or running → cancelled.')
  cancel(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) runId: string,
    @Body(new CommandBodyPipe(cancelRun)) body: Data,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.submit(reply, cancelRun, caller, { runId }, body, request);
  }

  @Post(':runId/heartbeat')
  @Requires('writer')
  @WriteDoc(
    heartbeatRun,
    'Say that a run is alive',
    'Moves last_seen_at; takes no sequence. A finished run refuses it.',
  )
  heartbeat(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) runId: string,
    @Body(new CommandBodyPipe(heartbeatRun)) body: Data,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.submit(reply, heartbeatRun, caller, { runId }, body, request);
  }

  @Post(':runId/annotate')
  @Requires('writer')
  @WriteDoc(
    annotateRun,
    'Add tags, scores or metadata',
    'In any state; merged at the top level, the last of a name wins.',
  )
  annotate(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) runId: string,
    @Body(new CommandBodyPipe(annotateRun)) body: Data,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.submit(reply, annotateRun, caller, { runId }, body, request);
  }

  @Post(':runId/erase')
  @Requires('admin')
  @WriteDoc(eraseRunPayloads, 'Erase the payloads of a run', 'For good; hashes stay, and the chain still verifies.')
  erase(
    @Caller() caller: Identity,
    @Param('runId', runIdPipe) runId: string,
    @Body(new CommandBodyPipe(eraseRunPayloads)) body: Data,
    @Write() request: WriteRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.submit(reply, eraseRunPayloads, caller, { runId }, body, request);
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
