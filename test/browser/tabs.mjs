// Who changed a thing, and the thing as the API gives it: tabs of every page
// that is about one thing.
import { origin } from './browser.mjs'
import { accessible, fits } from './check.mjs'

const go = (page, path) => page.goto(origin + path)
const must = (is, text) => (is ? [] : [text])

async function looked(page, name, picture) {
  await page.evaluate(() => scrollTo(0, 0))
  const wrong = await accessible(page)
  await picture(page, `${name}-light-1280`, false)
  await page.emulateMedia({ colorScheme: 'dark' })
  await picture(page, `${name}-dark-1280`, false)
  wrong.push(...(await accessible(page, true)))
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize({ width: 320, height: 640 })
  wrong.push(...(await fits(page)))
  await picture(page, `${name}-light-320`, false)
  await page.setViewportSize({ width: 1280, height: 800 })
  return wrong.map((w) => `${name}: ${w}`)
}

export const errands = {
  async 'see who changed a receiver, and the receiver as the API gives it'(page, { picture }) {
    const tab = (name) => page.getByRole('navigation', { name: 'More of this' }).getByRole('link', { name })
    await go(page, '/destinations/lab')
    await page.locator('summary', { hasText: 'Pause' }).first().click()
    await page.locator('details[open] form').getByLabel(/^Reason/).fill('the receiver is moved')
    await page.locator('details[open] form').getByRole('button').first().click()
    await page.locator('.toast').getByRole('button', { name: 'Undo' }).click()
    await page.locator('.toast').first().waitFor()
    await tab('History').click()
    const acts = await page.locator('#acts').innerText()
    const wrong = must(/Paused/.test(acts) && /Resumed/.test(acts) && /the receiver is moved/.test(acts), `the changes: ${acts}`)
    wrong.push(...(await looked(page, 'tab-history', picture)))
    // The last change is taken back here too, and that in its turn.
    const last = page.locator('#acts tbody tr').first()
    await last.getByRole('button', { name: /^Undo/ }).click()
    await page.locator('.toast', { hasText: 'The change is taken back' }).waitFor()
    wrong.push(...must(/disabled: \S+ → true/.test(await last.innerText()), `the receiver is not paused again: ${await last.innerText()}`))
    await last.getByRole('button', { name: /^Undo/ }).click()
    await last.filter({ hasText: 'version 5' }).waitFor()
    wrong.push(...must(/disabled: true → \S+/.test(await last.innerText()), `the receiver is not resumed again: ${await last.innerText()}`))
    await tab('Raw').click()
    const text = await page.locator('#raw').innerText()
    wrong.push(...must(/"kind": "webhook"/.test(text) && /\(secret\)/.test(text), `raw: ${text.slice(0, 300)}`))
    wrong.push(...(await looked(page, 'tab-raw', picture)))
    await go(page, '/patients')
    await page.locator('main a[href^="/patients/pat-"]').first().click()
    await tab('History').click()
    await page.getByRole('heading', { name: 'Who changed what' }).waitFor()
    wrong.push(...(await looked(page, 'tab-patient', picture)))
    await tab('Overview').click()
    await page.getByRole('heading', { level: 1 }).waitFor()
    wrong.push(...(await looked(page, 'tab-overview', picture)))
    return wrong
  },
}
