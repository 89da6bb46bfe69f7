import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What a server sends, before its client sees it. */
type Rewrite = (chunk: Buffer) => Buffer;

/** A way to a server that can be cut, and mended again. */
export class TcpProxy {
  private readonly sockets = new Set<Socket>();
  private open = true;

  private constructor(
    private readonly server: Server,
    private readonly target: { host: string; port: number },
    private readonly rewriter: () => Rewrite,
  ) {
    server.on('connection', (socket) => this.forward(socket));
  }

  /** Listens on a free port of 127.0.0.1. `rewriter` makes what rewrites the answers of one connection. */
  static async start(
    target: { host: string; port: number },
    rewriter: () => Rewrite = () => (chunk) => chunk,
  ): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TcpProxy(server, target, rewriter);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Ends every connection, and refuses new ones. */
  cut(): void {
    this.open = false;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.open = true;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private forward(near: Socket): void {
    if (!this.open) return void near.destroy();
    const far = connect(this.target);
    const rewrite = this.rewriter();
    near.on('data', (data) => far.write(data));
    far.on('data', (data) => near.write(rewrite(data)));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
    }
  }
}

/**
 * A way to Kafka that can be cut. A broker tells its clients where it is, and they would go around the proxy: its
 * port in its answers is replaced by the proxy's.
 */
export class KafkaProxy {
  private constructor(private readonly proxies: readonly TcpProxy[]) {}

  /** @param brokers as the cluster describes them: where they say that they are. */
  static async start(brokers: readonly { host: string; port: number }[]): Promise<KafkaProxy> {
    const proxies: TcpProxy[] = [];
    const ports = (): Map<string, number> =>
      new Map(brokers.map(({ host, port }, index) => [wire(host, port), proxies[index]?.port ?? 0]));
    for (const broker of brokers) proxies.push(await TcpProxy.start(broker, () => movingPorts(ports())));
    return new KafkaProxy(proxies);
  }

  get brokers(): string {
    return this.proxies.map(({ port }) => `127.0.0.1:${port}`).join(',');
  }

  cut(): void {
    for (const proxy of this.proxies) proxy.cut();
  }

  mend(): void {
    for (const proxy of this.proxies) proxy.mend();
  }

  async close(): Promise<void> {
    for (const proxy of this.proxies) await proxy.close();
  }
}

/** A host and port as Kafka's answers have them: the host's text, then four bytes of port. In latin1, to search for. */
function wire(host: string, port: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(port);
  return Buffer.concat([Buffer.from(host), bytes]).toString('latin1');
}

/** Replaces ports in a stream of answers; an answer is held back until it is whole. */
function movingPorts(ports: ReadonlyMap<string, number>): Rewrite {
  let held = Buffer.alloc(0);
  return (chunk) => {
    held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
    let whole = 0;
    while (held.length >= whole + 4 && held.length >= whole + 4 + held.readInt32BE(whole)) {
      whole += 4 + held.readInt32BE(whole);
    }
    const answers = held.subarray(0, whole);
    held = held.subarray(whole);
    for (const [address, port] of ports) {
      for (let at = answers.indexOf(address, 0, 'latin1'); at >= 0; at = answers.indexOf(address, at + 1, 'latin1')) {
        answers.writeInt32BE(port, at + address.length - 4);
      }
    }
    return answers;
  };
}
