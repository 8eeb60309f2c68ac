import { statement, type Writer } from './handles.ts'

const put = statement<[number], never>(
  "INSERT INTO kernel_values (name, value) VALUES ('probe', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
)

/** The smallest change that has to reach the disk: whoever sees it resolve knows that the disk still takes data. */
export function writeProbe(tx: Writer, value: number): void {
  put(tx).run(value)
}
