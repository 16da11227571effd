import { PortForwarder } from './port-forwarder.ts';

// Runs inside a namespace: what comes to its address goes out again by the same cable. Prints its port; ends with its standard input.
const [host = '', port = ''] = process.argv.slice(2);
const forwarder = new PortForwarder({ host, port: Number(port) });
process.stdout.write(`${await forwarder.listen('0.0.0.0')}\n`);
process.stdin.resume().once('end', () => process.exit());
