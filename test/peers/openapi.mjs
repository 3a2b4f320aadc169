// Checks an OpenAPI document with @seriousme/openapi-schema-validator: against
// the specification's own schema, its references resolved.
import { pathToFileURL } from 'node:url'
import { createRequire } from 'node:module'
import { run, say } from './load.mjs'

const resolved = createRequire(process.env.PEERS + '/package.json').resolve('@seriousme/openapi-schema-validator')
const { Validator } = await import(pathToFileURL(resolved))
const validator = new Validator()
const result = await validator.validate(run.document)
say({ valid: result.valid, version: validator.version, errors: result.errors ?? [], paths: result.valid ? Object.keys(validator.resolveRefs().paths).length : 0 })
