"""Runs a command in a pseudo-terminal. terminal.py COLUMNS KEYS COMMAND...: what it wrote goes to stdout, and it exits as
the command did. KEYS are typed one at a time, each once nothing was written for a moment, and none before the first
output: a command that has not begun listens to nothing."""
import fcntl, os, pty, select, struct, sys, termios

columns, keys = int(sys.argv[1]), list(sys.argv[2])
begun = False
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 40, columns, 0, 0))
    os.execvp(sys.argv[3], sys.argv[3:])
while True:
    ready, _, _ = select.select([terminal], [], [], 1.0)
    if not ready:
        if keys and begun:
            os.write(terminal, keys.pop(0).encode())
        continue
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    begun = True
    sys.stdout.buffer.write(data)
_, status = os.waitpid(child, 0)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(status) % 256)
