// What people do with extracts and with waveforms as files.
import { origin } from './browser.mjs'
import { accessible, fits } from './check.mjs'

const go = (page, path) => page.goto(origin + path)
const must = (is, text) => (is ? [] : [text])

async function looked(page) {
  await page.evaluate(() => scrollTo(0, 0))
  const wrong = await accessible(page)
  await page.setViewportSize({ width: 320, height: 640 })
  wrong.push(...(await fits(page)))
  await page.setViewportSize({ width: 1280, height: 800 })
  return wrong.map((w) => `${new URL(page.url()).pathname}: ${w}`)
}

export const errands = {
  async 'begin an extract, follow it until it is whole, take a file, remove it'(page, { picture }) {
    await go(page, '/extracts')
    const fold = page.locator('details', { hasText: 'Begin an extract' })
    if (!(await fold.evaluate((d) => d.open))) await fold.locator('summary').click()
    await fold.getByLabel(/^Form/).selectOption({ label: 'CSV' })
    await fold.getByLabel(/^Wards, rooms or beds/).fill('ICU')
    await fold.getByLabel(/^Reason/).fill('study 12, approved by the board')
    const wrong = await looked(page)
    await picture(page, 'extract-begin-light')
    await page.getByRole('button', { name: 'Begin the extract' }).click()
    await page.waitForURL((u) => /^\/extracts\/ex-/.test(u.pathname))
    await page.locator('main .badge', { hasText: 'Whole' }).waitFor({ timeout: 60_000 }) // by itself
    wrong.push(...must((await page.locator('summary', { hasText: 'Stop' }).count()) === 0, 'what is whole can still be stopped'), ...(await looked(page)))
    await picture(page, 'extract-whole-light')
    const [file] = await Promise.all([page.waitForEvent('download'), page.locator('#extract-files a', { hasText: 'observations/' }).first().click()])
    wrong.push(...must(/\.csv$/.test(file.suggestedFilename()), `the file is called ${file.suggestedFilename()}`))
    const address = new URL(page.url()).pathname
    await go(page, '/extracts')
    wrong.push(...must((await page.locator(`#extract-list a[href="${address}"]`).count()) === 1, 'the list does not have it'), ...(await looked(page)))
    await picture(page, 'extracts-light')
    await go(page, address)
    await page.locator('summary', { hasText: 'Remove' }).click()
    const form = page.locator('details.reason[open] form')
    await form.getByLabel(/^Reason/).fill('handed over')
    await form.getByRole('button', { name: 'Remove' }).click()
    await page.locator('.toast', { hasText: 'The extract is removed' }).waitFor()
    await go(page, '/audit?action=extract.')
    const audit = await page.locator('#audit').innerText()
    wrong.push(...must(/study 12/.test(audit) && /handed over/.test(audit) && /extract\.fetch/.test(audit), 'the audit does not tell of it'))
    return wrong
  },

  async 'take the waveforms of a patient as files in each form'(page, { picture }) {
    await go(page, '/patients')
    await page.locator('main a[href^="/patients/pat-"]').first().click()
    const forms = page.locator('main a[download][href*="/waveforms/"]')
    await forms.nth(3).waitFor()
    const wrong = []
    for (let i = 0; i < 4; i++) {
      const [file] = await Promise.all([page.waitForEvent('download'), forms.nth(i).click()])
      wrong.push(...must(/^waveforms-.*\.zip$/.test(file.suggestedFilename()), `the file is called ${file.suggestedFilename()}`))
    }
    await picture(page, 'patient-waveforms-light')
    return wrong
  },
}
