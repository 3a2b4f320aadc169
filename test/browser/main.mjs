// Looks at every page of the running console and does people's errands in it.
// Says one JSON object for each: {name, wrong: [...]}. Read by browser_test.go.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { run, say } from '../peers/load.mjs'
import { close, open, signIn, views } from './browser.mjs'
import * as check from './check.mjs'
import { crawl, named } from './crawl.mjs'
import { errands as accept } from './accept.mjs'
import { errands as bars } from './bars.mjs'
import { errands as bulk } from './bulk.mjs'
import { errands as care } from './care.mjs'
import { errands as devices, patient } from './devices.mjs'
import { errands as general } from './errands.mjs'
import { errands as extracts } from './extracts.mjs'
import { errands as tabs } from './tabs.mjs'

mkdirSync(run.pictures, { recursive: true })
const picture = (page, name, whole = true) => page.screenshot({ path: join(run.pictures, name + '.png'), fullPage: whole, animations: 'disabled' })

/** One page in one view; it is loaded once, for the first of them. */
async function look(seen, wire, path, view) {
  const { page } = seen
  const wrong = []
  if (view.whole) {
    const answer = await check.visit(page, path)
    if (!answer.ok()) wrong.push(`answers ${answer.status()}`)
    wrong.push(...wire.weighed())
  } else {
    await page.evaluate(() => { document.activeElement?.blur(); scrollTo(0, 0) })
    await page.emulateMedia({ colorScheme: view.colorScheme })
    await page.setViewportSize(view.viewport)
    await page.waitForTimeout(150)
  }
  const said = await check.said(page)
  if (said.heading === '' || said.landmarks !== 1 || said.language === '') wrong.push('needs one h1, one main and a language')
  wrong.push(...(await check.accessible(page, view.colours)))
  wrong.push(...(await check.fits(page)))
  await picture(page, `${named(path)}-${view.name}`)
  if (view.whole) wrong.push(...(await check.keyboard(page)))
  wrong.push(...(await wire.end()))
  return { wrong, said }
}

/** The page without scripts says as much. */
async function withoutScript(path, said) {
  const seen = await open(views[0], { script: false })
  const answer = await seen.page.goto(new URL(path, run.url).href)
  const plain = await seen.page.locator('main').innerText()
  const rows = await seen.page.locator('main tbody tr').count()
  const heading = await seen.page.locator('h1').first().innerText()
  await seen.close()
  const wrong = []
  if (!answer.ok()) wrong.push(`answers ${answer.status()} without scripts`)
  if (heading.trim() !== said.heading) wrong.push(`has the heading “${heading.trim()}” without scripts`)
  if (plain.trim().length < said.text / 2 || (said.rows > 0 && rows === 0)) wrong.push(`says ${plain.trim().length} characters and ${rows} rows without scripts, ${said.text} and ${said.rows} with`)
  return wrong
}

/** The page on paper: the frame goes, the content stays. */
async function onPaper(path) {
  const seen = await open(views[0])
  await check.visit(seen.page, path)
  await seen.page.emulateMedia({ media: 'print', colorScheme: 'light' })
  await seen.page.setViewportSize({ width: 794, height: 1123 })
  await picture(seen.page, `${named(path)}-print`)
  const wrong = (await check.fits(seen.page)).map((w) => 'on paper: ' + w)
  if (await seen.page.locator('nav').first().isVisible()) wrong.push('the menu is on paper too')
  await seen.close()
  return wrong
}

/** The start pages of the four work places: what most people see most. */
const starts = ['/live', '/', '/tasks', '/oversight']

/** A start page on a wall: 4K without a scale. Nothing sticks out, and lines of
 * text stay short enough to read. */
async function onTheWall(path) {
  const wrong = []
  for (const colorScheme of ['light', 'dark']) {
    const seen = await open({ colorScheme, viewport: { width: 3840, height: 2160 } })
    await check.visit(seen.page, path)
    await picture(seen.page, `${named(path)}-${colorScheme}-3840`, false)
    wrong.push(...(await check.fits(seen.page)), ...(await check.readable(seen.page)))
    await seen.close()
  }
  return wrong.map((w) => 'at 3840 px: ' + w)
}

/** Does one look or errand and says what was wrong. `of` is the page or errand
 * as run.only chooses it; what is always done has none. */
async function told(name, work, of = '') {
  const began = Date.now()
  let wrong
  let more = {}
  try {
    const answer = await work()
    wrong = Array.isArray(answer) ? answer : answer.wrong
    if (!Array.isArray(answer)) more = answer
  } catch (error) {
    wrong = [String(error.message ?? error).slice(0, 1500)]
  }
  say({ name, of, ...more, wrong, ms: Date.now() - began })
  return more
}

await told('sign in', async () => {
  const stranger = await open(views[0], { stranger: true })
  const wire = await check.listen(stranger)
  await check.visit(stranger.page, '/sign-in')
  const wrong = await check.accessible(stranger.page)
  await picture(stranger.page, 'sign-in-light-1280')
  wrong.push(...(await wire.end()))
  await stranger.close()
  await signIn()
  return wrong
})

const only = run.only ? new RegExp(run.only) : undefined
let paths = []
await told('find the pages', async () => {
  const seen = await open(views[0])
  paths = await crawl(seen.page, check.glance)
  await seen.close()
  return { wrong: paths.length < 5 ? [`only ${paths.length} pages`] : [], paths }
})

async function lookAt(path) {
  const seen = await open(views[0])
  const wire = await check.listen(seen)
  let said
  for (const view of views) {
    const one = await told(`${named(path)} ${view.name}`, () => look(seen, wire, path, view), named(path))
    said ??= one.said
  }
  await seen.close()
  if (!said) return
  await told(`${named(path)} without scripts`, () => withoutScript(path, said), named(path))
  if (starts.includes(path)) await told(`${named(path)} on the wall`, () => onTheWall(path), named(path))
  if (starts.includes(path) || run.paper.some((p) => named(path) === p)) await told(`${named(path)} on paper`, () => onPaper(path), named(path))
}

// Two at a time: most of the time a page waits for its own pictures.
const queue = paths.filter((path) => !only || only.test(named(path)))
await Promise.all([1, 2].map(async () => {
  for (let path = queue.shift(); path; path = queue.shift()) await lookAt(path)
}))

/** Pictures for the papers: what somebody sees who has not started it yet. */
async function papers() {
  mkdirSync(run.papers, { recursive: true })
  const seen = await open({ viewport: { width: 1280, height: 800 } })
  const { page } = seen
  const shot = (name, clip) => page.screenshot({ path: join(run.papers, name + '.png'), animations: 'disabled', ...clip })
  await check.visit(page, '/live')
  await page.waitForTimeout(7000) // until the traces have swept over their beds
  await shot('live-beds')
  await check.visit(page, '/')
  await shot('overview')
  await check.visit(page, '/devices')
  await shot('devices')
  await check.visit(page, '/messages?type=ORU^R01')
  await page.locator('#messages tbody tr', { hasText: 'Monitor' }).first().getByRole('link').first().click()
  await page.waitForLoadState()
  await shot('message')
  await check.visit(page, '/live')
  await page.locator('.bed h2 a').first().click()
  await page.waitForTimeout(9000)
  await shot('patient')
  await seen.close()
  return []
}
if (run.papers) await told('pictures for the papers', papers) // before the errands bring strangers

for (const [name, errand] of Object.entries({ ...general, ...accept, ...devices, ...bulk, ...care, ...extracts, ...tabs, ...bars, ...patient })) {
  if (only && !only.test(name)) continue
  await told('errand: ' + name, async () => {
    const seen = await open({})
    try {
      return (await errand(seen.page, { open, picture, run })) ?? []
    } catch (error) {
      await picture(seen.page, 'failed-' + name.replaceAll(' ', '-')).catch(() => {})
      throw error
    } finally {
      await seen.close()
    }
  }, name)
}

await close()
