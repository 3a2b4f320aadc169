// Maintenance as a biomedical engineer does it: what is due is begun, measured
// and finished, with the keyboard where it says so.
import { origin } from './browser.mjs'
import { accessible, fits } from './check.mjs'

const go = (page, path) => page.goto(origin + path)
const must = (is, text) => (is ? [] : [text])

async function looked(page, name, picture) {
  await page.evaluate(() => scrollTo(0, 0))
  const wrong = await accessible(page)
  await picture(page, `${name}-light-1280`)
  await page.emulateMedia({ colorScheme: 'dark' })
  await picture(page, `${name}-dark-1280`)
  wrong.push(...(await accessible(page, true)))
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize({ width: 320, height: 640 })
  wrong.push(...(await fits(page)))
  await page.setViewportSize({ width: 1280, height: 800 })
  return wrong.map((w) => `${name}: ${w}`)
}

export const errands = {
  async 'do an electrical safety test that is due, with two measurements'(page, { picture }) {
    await go(page, '/devices')
    await page.locator('#devices tbody tr').first().getByRole('link').first().click()
    const device = new URL(page.url()).pathname.split('/').pop()
    const adopt = page.locator('summary', { hasText: 'Adopt' })
    if (await adopt.count()) {
      await adopt.click()
      await page.locator('details.reason[open] form').getByLabel(/^Reason/).fill('in use')
      await page.locator('details.reason[open] form').getByRole('button', { name: 'Adopt' }).click()
    }
    const plan = { id: 'safety', name: 'Electrical safety', kind: 'electrical-safety', devices: [device], days: 1, from: '2020-01-01',
      measures: [{ name: 'Protective earth', unitUCUM: 'Ohm', max: '0.3' }, { name: 'Equipment leakage', unitUCUM: 'uA', max: '500' }] }
    const text = await (await page.request.get(origin + '/configuration/thalamus.yaml')).text()
    await go(page, '/configuration')
    await page.getByRole('textbox', { name: /text/i }).first().fill(`${text}\nplans:\n  - ${JSON.stringify(plan)}\n`)
    await page.getByRole('button', { name: 'Compare' }).click()
    await page.getByLabel(/^Reason/).fill('yearly test')
    await page.getByRole('button', { name: /^Bring in force/ }).click()
    await page.locator('.toast').waitFor()
    await go(page, '/care?within=400')
    await page.locator('#due tbody tr', { hasText: 'Electrical safety' }).first().waitFor()
    const wrong = await looked(page, 'care-due', picture)
    await page.getByRole('button', { name: /^Begin: Electrical safety/ }).first().focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/orders\/\d+/)
    wrong.push(...(await looked(page, 'care-order', picture)))
    await page.getByLabel(/^Protective earth/).fill('0,12')
    await page.getByLabel(/^Equipment leakage/).fill('120')
    await page.getByLabel(/^Minutes/).fill('25')
    await page.keyboard.press('Enter')
    await page.locator('.toast', { hasText: 'due again' }).waitFor()
    const found = await page.locator('#results').innerText()
    wrong.push(...must(/0\.12/.test(found) && /500 uA/.test(found) && !/Not passed/.test(found), `found: ${found}`))
    wrong.push(...(await looked(page, 'care-done', picture)))
    return wrong
  },
}
