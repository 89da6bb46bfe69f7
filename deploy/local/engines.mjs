import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { clearTimeout, setTimeout } from 'node:timers';
import { Advice } from './terminal.mjs';

const JAVA_MAJOR_MIN = 17;
const LOOK_MS = 10_000;
/** Kafka's jars, fetched once for all data folders of this clone. */
export const KAFKA_LIBS = join('.runspine', 'kafka', 'libs-4.3.0');

/**
 * What Kafka can run on here: Java (with Maven, or with the jars fetched before), or else a Docker engine that answers.
 * Throws an Advice that says what to install when there is neither.
 */
export async function findEngine(root) {
  const java = await findJava();
  const fetched = existsSync(join(root, KAFKA_LIBS));
  const maven = fetched || (java !== undefined && (await answers('mvn', ['-v'])));
  if (java && maven) return { kind: 'java', java };
  const compose = await findCompose();
  if (compose) return { kind: 'docker', compose };
  throw new Advice(missing(java));
}

async function findJava() {
  const candidates = [process.env.JAVA_HOME && join(process.env.JAVA_HOME, 'bin', 'java'), 'java'].filter(Boolean);
  for (const java of candidates) {
    const { output } = await look(java, ['-version']);
    const major = /version "(?:1\.)?(\d+)/.exec(output ?? '')?.[1];
    if (Number(major) >= JAVA_MAJOR_MIN) return java;
  }
  return undefined;
}

/** The Compose command, if the engine behind it answers: a client alone starts nothing. */
async function findCompose() {
  if (!(await answers('docker', ['info']))) return undefined;
  if (await answers('docker', ['compose', 'version'])) return ['docker', 'compose'];
  return (await answers('docker-compose', ['version'])) ? ['docker-compose'] : undefined;
}

const answers = async (command, args) => (await look(command, args)).code === 0;

function look(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), LOOK_MS);
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const done = (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    };
    child.once('error', () => done(undefined));
    child.once('close', done);
  });
}

function missing(java) {
  const lacks = java
    ? 'Java is here, but Maven (mvn), which fetches Kafka, is not'
    : `there is no Java ${JAVA_MAJOR_MIN} or newer, and no Docker engine answers \`docker info\``;
  return `Kafka has nothing to run on: ${lacks}. One of these will do:
  · Java ${JAVA_MAJOR_MIN} or newer and Maven    Debian, Ubuntu: sudo apt-get install openjdk-17-jre-headless maven
                             Fedora: sudo dnf install java-21-openjdk-headless maven · macOS: brew install openjdk@17 maven
  · a Docker engine          https://docs.docker.com/engine/install (if it is installed: is it running, may you use it?)
  · servers that you have    KAFKA_BROKERS=host:9092 DATABASE_URL=postgres://user:password@host:5432/database npm start`;
}
