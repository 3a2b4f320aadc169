// What must hold of every page, whatever it shows. Each check gives the list
// of what is wrong, in words.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { origin } from './browser.mjs'

const axe = readFileSync(createRequire(process.env.PEERS + '/package.json').resolve('axe-core/axe.min.js'), 'utf8')
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** Bytes a page may weigh over the wire before anything is cached. */
const heaviest = 150 * 1000

/** Listens to a page from before it is opened; tells what went wrong. */
export async function listen({ context, page }) {
  const wrong = []
  let bytes = 0
  page.on('console', (line) => {
    if (line.type() === 'error') wrong.push(`console: ${line.text()}`)
  })
  page.on('pageerror', (error) => wrong.push(`script: ${error.message}`))
  page.on('request', (request) => {
    const url = new URL(request.url())
    const inside = url.protocol === 'data:' || url.protocol === 'blob:' || url.host === new URL(origin).host
    if (!inside) wrong.push(`asks another host: ${url.host}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 400) wrong.push(`${response.status()} for ${new URL(response.url()).pathname}`)
  })
  await page.addInitScript(() => {
    window.__violations = []
    document.addEventListener('securitypolicyviolation', (e) => window.__violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile ?? ''}:${e.lineNumber ?? ''}`))
  })
  const wire = await context.newCDPSession(page)
  await wire.send('Network.enable')
  await wire.send('Network.setCacheDisabled', { cacheDisabled: true })
  wire.on('Network.loadingFinished', (e) => (bytes += e.encodedDataLength))
  return {
    wrong,
    /** Too many bytes have come so far. */
    weighed: () => (bytes > heaviest ? [`weighs ${Math.round(bytes / 1000)} kB, allowed are ${heaviest / 1000} kB`] : []),
    /** What went wrong since it was asked last. */
    async end() {
      for (const v of await page.evaluate(() => (window.__violations ?? []).splice(0))) wrong.push(`content security policy: ${v}`)
      return wrong.splice(0)
    },
  }
}

/** Opens a path and waits until it is drawn and its fonts and styles are in. */
export async function visit(page, path) {
  const answer = await page.goto(origin + path, { waitUntil: 'load' })
  await page.evaluate(() => document.fonts.ready)
  await page.waitForTimeout(250)
  return answer
}

/** Opens a path only to see what it links to. */
export const glance = (page, path) => page.goto(origin + path, { waitUntil: 'domcontentloaded' })

/** Violations of WCAG 2.2 AA and of axe's good practice; with `colours` only of
 * what another theme can change. */
export async function accessible(page, colours = false) {
  await page.evaluate(axe)
  // Colours that are on their way to others are no colours of the page.
  await page.evaluate(() => Promise.race([
    Promise.all(document.getAnimations().filter((a) => a.effect?.getComputedTiming().endTime < 60000).map((a) => a.finished.catch(() => {}))),
    new Promise((done) => setTimeout(done, 5000)),
  ]))
  const what = colours ? { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } : { type: 'tag', values: tags }
  const found = await page.evaluate(async (what) => {
    const result = await window.axe.run(document, { runOnly: what, resultTypes: ['violations'] })
    return result.violations.map((v) => ({ id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.any?.[0]?.message ?? n.all?.[0]?.message ?? ''}`.trim()), count: v.nodes.length }))
  }, what)
  return found.map((v) => `axe ${v.id}: ${v.help} (${v.count}×): ${v.nodes.join(' | ')}`)
}

/** A page that has to be pushed sideways, and what sticks out of it. */
export async function fits(page) {
  return page.evaluate(() => {
    const root = document.scrollingElement
    if (root.scrollWidth <= root.clientWidth) return []
    const clipped = (el) => {
      for (let up = el.parentElement; up && up !== document.body; up = up.parentElement) {
        if (/auto|scroll|hidden|clip/.test(getComputedStyle(up).overflowX)) return true
      }
      return false
    }
    const out = [...document.body.querySelectorAll('*')].filter((el) => el.getBoundingClientRect().right > root.clientWidth + 1 && !clipped(el))
    const named = out.slice(0, 4).map((el) => `${el.tagName.toLowerCase()}${el.id ? '#' + el.id : ''}.${[...el.classList].join('.')} “${el.textContent.trim().slice(0, 30)}”`)
    return [`scrolls sideways: ${root.scrollWidth} of ${root.clientWidth} px: ${named.join(', ')}`]
  })
}

/** Lines of running text that are longer than an eye follows back: over 110
 * characters of their own font. */
export async function readable(page) {
  return page.evaluate(() => {
    const rule = document.createElement('canvas').getContext('2d')
    const long = [...document.querySelectorAll('main p, main li')].filter((el) => {
      if (!el.checkVisibility() || el.textContent.trim().length < 120 || el.querySelector('table, ul, ol, pre')) return false
      const style = getComputedStyle(el)
      rule.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`
      const range = document.createRange()
      range.selectNodeContents(el)
      return range.getBoundingClientRect().width > 110 * rule.measureText('n').width
    })
    return long.slice(0, 3).map((el) => `a line of text is too long to read: “${el.textContent.trim().slice(0, 60)}”`)
  })
}

/** Tabs through the page: everything that can be used is reached, and is seen
 * to be reached. */
export async function keyboard(page) {
  const wrong = []
  const expected = await page.evaluate(() => {
    const usable = 'a[href],button,input:not([type=hidden]),select,textarea,summary,[tabindex]'
    const seen = (el) => el.checkVisibility({ visibilityProperty: true }) && !el.closest('[inert]')
    const groups = new Set()
    const all = [...document.querySelectorAll(usable)].filter((el) => {
      if (el.disabled || el.tabIndex < 0 || !seen(el)) return false
      if (el.type !== 'radio') return true
      const group = (el.form?.id ?? '') + el.name
      return !groups.has(group) && groups.add(group)
    })
    // Live parts may be drawn anew while we walk: what is gone is not missed.
    window.__stops = all
    window.__reached = new Set()
    document.activeElement?.blur()
    window.getSelection()?.removeAllRanges()
    return all.length
  })
  let home = 0
  // What comes while we walk lengthens the way: the bound only ends a walk that never comes home.
  for (let i = 0; i < 3 * expected + 100 && home < 2; i++) {
    await page.keyboard.press('Tab')
    const at = await page.evaluate(() => {
      const el = document.activeElement
      if (!el || el === document.body) return { body: true }
      const part = el === window.__at // a date has several stops of its own, which the browser marks
      const again = window.__reached.has(el) && !part
      window.__at = el
      window.__reached.add(el)
      const box = el.getBoundingClientRect()
      const style = getComputedStyle(el)
      const shown = (s) => (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1) || s.boxShadow !== 'none'
      const name = `${el.tagName.toLowerCase()} “${(el.getAttribute('aria-label') ?? el.textContent ?? el.name ?? '').trim().slice(0, 40)}”`
      return { again, name, ring: part || shown(style), place: box.width > 0 && box.height > 0 && box.right > 0 && box.left < innerWidth }
    })
    if (at.body) {
      home++
      continue
    }
    if (at.again) break
    if (!at.ring) wrong.push(`focus cannot be seen on ${at.name}`)
    if (!at.place) wrong.push(`focus is off the page on ${at.name}`)
  }
  const missed = await page.evaluate(() => window.__stops.filter((el) => el.isConnected && el.checkVisibility() && !window.__reached.has(el)).map((el) => `${el.tagName.toLowerCase()} “${(el.getAttribute('aria-label') ?? el.textContent ?? '').trim().slice(0, 40)}”`))
  if (missed.length > 0) wrong.push(`Tab does not reach ${missed.length}: ${missed.slice(0, 4).join(', ')}`)
  return wrong.slice(0, 8)
}

/** What a page says: its heading, and how much. */
export const said = (page) => page.evaluate(() => {
  const main = document.querySelector('main')
  const count = (what) => main?.querySelectorAll(what).length ?? 0
  return { heading: document.querySelector('h1')?.textContent.trim() ?? '', title: document.title, text: main?.innerText.trim().length ?? 0, rows: count('tbody tr'), language: document.documentElement.lang, landmarks: document.querySelectorAll('main').length }
})
