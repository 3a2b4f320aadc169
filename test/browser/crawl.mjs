// Which pages there are: what the console's menu lists, and one example of
// every kind of page they link to.
import { origin } from './browser.mjs'

/** The shape of a path: what looks like an id is a star. */
export function shape(path) {
  return path.split('/').map((part) => (/\d/.test(part) || part.length > 24 ? '*' : part)).join('/')
}

/** A name for files and reports: "messages-one" for /messages/4711. */
export function named(path) {
  return shape(path).replaceAll('*', 'one').split('/').filter(Boolean).join('-') || 'start'
}

const links = (page, where) => page.evaluate(({ where, origin }) =>
  [...document.querySelectorAll(where)].map((a) => new URL(a.href)).filter((u) => u.origin === origin && /^https?:$/.test(u.protocol)).map((u) => u.pathname), { where, origin })

/** Visits what is found until nothing new turns up; gives the paths in order. */
export async function crawl(page, visit, most = 60) {
  const passive = (path) => !/^\/(api|assets|metrics|healthz|readyz|sign-in|sign-out)\b/.test(path) && !/\.(csv|json|ndjson|hl7|txt|ics|svg|png)$/.test(path)
  await visit(page, '/')
  const start = new URL(page.url()).pathname
  const found = [...new Set([start, ...(await links(page, 'nav a[href]'))].filter(passive))]
  const shapes = new Set(found.map(shape))
  for (let i = 0; i < found.length && found.length < most; i++) {
    const answer = await visit(page, found[i])
    if (!answer || answer.status() >= 400) continue // said by the check of that page
    for (const path of await links(page, 'main a[href], nav a[href]')) {
      if (!passive(path) || shapes.has(shape(path))) continue
      shapes.add(shape(path))
      found.push(path)
    }
  }
  return found
}
