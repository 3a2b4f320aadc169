// Which pages there are: what the console's menu lists, and one example of
// every kind of page they link to.
import { origin } from './browser.mjs'

/** The shape of a path: what comes second is an id. */
export function shape(path) {
  return path.split('/').map((part, i) => (i === 2 ? '*' : part)).join('/')
}

const menu = new Set()

/** A name for files and reports: "messages-one" for /messages/4711. */
export function named(path) {
  return (menu.has(path) ? path : shape(path)).replaceAll('*', 'one').split('/').filter(Boolean).join('-') || 'start'
}

const links = (page, where) => page.evaluate(({ where, origin }) =>
  [...document.querySelectorAll(where)].filter((a) => !a.hasAttribute('download')).map((a) => new URL(a.getAttribute('href'), location)) // also of a picture, whose href is no text
    .filter((u) => u.origin === origin && /^https?:$/.test(u.protocol)).map((u) => u.pathname), { where, origin })

/** Visits what is found until nothing new turns up; gives the paths in order. */
export async function crawl(page, visit, most = 150) {
  const passive = (path) => !/^\/(api|fhir|assets|metrics|healthz|readyz|sign-in|sign-out)\b/.test(path) && !/\.(csv|json|ndjson|hl7|txt|ics|svg|png)$/.test(path)
  await visit(page, '/')
  const start = new URL(page.url()).pathname
  const found = [...new Set([start, ...(await links(page, 'nav a[href]'))].filter(passive))]
  for (const path of found) menu.add(path)
  const shapes = new Set(found.map(shape))
  for (let i = 0; i < found.length && found.length < most; i++) {
    let answer
    try {
      answer = await visit(page, found[i])
    } catch (error) {
      if (!/Download is starting/.test(error.message)) throw error
      found.splice(i--, 1) // a file, not a page
      continue
    }
    if (!answer || answer.status() >= 400) continue // said by the check of that page
    for (const path of await links(page, 'main a[href], nav a[href]')) {
      if (!passive(path) || shapes.has(shape(path))) continue
      shapes.add(shape(path))
      found.push(path)
    }
  }
  return found
}
