// Reads Parquet files with hyparquet: their columns with types, and every row
// in the columns that are asked for, one a line. Times come as ISO texts, long
// integers as texts.
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { run, say } from './load.mjs'

const load = (name, file) => import(pathToFileURL(join(resolve(process.env.PEERS), 'node_modules', name, file)))
const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await load('hyparquet', 'src/node.js')
const { compressors } = await load('hyparquet-compressors', 'src/index.js')

const plain = (_, v) => typeof v === 'bigint' ? v.toString() : v
for (const name of run.files) {
  const file = await asyncBufferFromFile(name)
  const metadata = await parquetMetadataAsync(file)
  say({
    file: name, rows: Number(metadata.num_rows), groups: metadata.row_groups.length, made: metadata.created_by,
    columns: metadata.schema.slice(1).map(c => c.name + ' ' + (c.logical_type?.type ?? c.converted_type ?? c.type ?? 'group')),
  })
  for (const row of await parquetReadObjects({ file, metadata, compressors, columns: run.columns })) {
    say(JSON.parse(JSON.stringify({ row }, plain)))
  }
}
