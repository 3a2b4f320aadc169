// What people come to the console for, done the way they do it: by the words
// on the page. Each errand gives what is wrong, or throws.
import { origin } from './browser.mjs'

const go = (page, path) => page.goto(origin + path)
const must = (is, text) => (is ? [] : [text])

/** Waits until a condition holds, reading the page anew in between. */
async function until(page, what, holds, most = 20000) {
  for (const begun = Date.now(); Date.now() - begun < most; ) {
    if (await holds()) return
    await page.waitForTimeout(300)
    await page.reload()
  }
  throw new Error(`not in ${most / 1000} s: ${what}`)
}

/** Opens the newest message of a patient who has observations. */
async function aMessage(page, name) {
  await go(page, '/messages')
  await page.getByLabel('Patient: name or number').fill(name)
  await page.getByRole('button', { name: 'Find', exact: true }).click()
  const choice = page.locator('main').getByRole('link', { name: new RegExp(name) }).first()
  if ((await page.locator('#messages tbody tr').count()) === 0) await choice.click()
  await page.locator('#messages tbody tr').first().waitFor()
}

export const errands = {
  async 'find a message by patient name and have its fields explained'(page) {
    await aMessage(page, 'Almeida')
    const wrong = must(!decodeURIComponent(page.url()).includes('Almeida'), 'a name stands in the address')
    const rows = await page.locator('#messages tbody tr').allInnerTexts()
    wrong.push(...must(rows.length > 0 && rows.every((r) => r.includes('Almeida')), 'the list holds messages of others'))
    await page.locator('#messages tbody tr', { hasText: 'ORU' }).first().getByRole('link').first().click()
    const field = page.locator('[data-fields] [role=option]', { hasText: 'Almeida' }).first()
    await field.scrollIntoViewIfNeeded()
    await field.hover()
    const about = page.locator('.raw-about')
    await about.filter({ hasText: 'PID' }).waitFor()
    wrong.push(...must(/name/i.test(await about.innerText()), `the field is explained as “${await about.innerText()}”`))
    await page.locator('[data-fields] [role=option][tabindex="0"]').focus()
    await page.keyboard.press('ArrowRight')
    await about.filter({ hasText: 'MSH' }).waitFor()
    return wrong
  },

  async 'replay a message with a reason and see its new delivery'(page) {
    await aMessage(page, 'Brandt')
    await page.locator('#messages tbody tr', { hasText: 'ORU' }).first().getByRole('link').first().click()
    await page.locator('summary', { hasText: 'Deliver again' }).click()
    const form = page.locator('details.reason[open] form')
    await form.getByLabel(/^Reason/).fill('the receiver was restored from a backup')
    await form.getByRole('button', { name: 'Deliver again' }).click()
    await page.locator('.toast').waitFor()
    await until(page, 'a delivery by replay', async () => (await page.locator('main tbody tr', { hasText: 'Delivered' }).filter({ hasNotText: 'first time' }).count()) > 0)
  },

  async 'adopt a new device, think again, adopt it for good'(page) {
    await go(page, '/inbox')
    const row = page.locator('#inbox tbody tr', { hasText: 'LAB' })
    const link = await row.getByRole('link').first().getAttribute('href')
    const adopt = async () => {
      await row.getByRole('checkbox').check()
      await page.getByLabel(/^Reason/).fill('delivered today, order 4711')
      await page.getByRole('button', { name: 'Adopt the chosen devices' }).click()
      await page.locator('.toast', { hasText: 'adopted' }).waitFor()
    }
    await adopt()
    const wrong = must((await row.count()) === 0, 'an adopted device is still in the inbox')
    await page.locator('.toast').getByRole('button', { name: 'Undo' }).click()
    await row.waitFor()
    await adopt()
    await go(page, link)
    await page.getByText('Adopted', { exact: true }).first().waitFor()
    await page.getByLabel('Name on the ward').fill('Blood gas analyser 1')
    await page.getByLabel('Where it stands').fill('LAB^1^1')
    await page.locator('form[action$="/assert"]').getByLabel(/^Reason/).fill('label on its side')
    await page.getByRole('button', { name: 'Keep', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Blood gas analyser 1' }).waitFor()
    const history = await page.locator('#history').innerText()
    wrong.push(...must(/Adoption/.test(history) && /Name/.test(history), 'the history does not tell of adoption and name'))
    return wrong
  },

  async 'find a patient without a name in the address'(page) {
    await go(page, '/patients')
    await page.getByLabel('Name or number').fill('castelli')
    await page.getByRole('button', { name: 'Find', exact: true }).click()
    await page.locator('#found tbody tr', { hasText: 'Castelli' }).getByRole('link').first().click()
    await page.getByRole('heading', { level: 1, name: /Castelli/ }).waitFor()
    const address = decodeURIComponent(page.url()) + (await page.title())
    return must(!/castelli/i.test(address), `a name stands in the address or the title: ${address}`)
  },

  async 'see values and waveforms move'(page) {
    await go(page, '/live')
    const rates = page.locator('[data-code="MDC_ECG_HEART_RATE"]')
    const before = (await rates.allInnerTexts()).join()
    const begun = Date.now()
    await page.waitForFunction((old) => [...document.querySelectorAll('[data-code="MDC_ECG_HEART_RATE"]')].map((n) => n.innerText).join() !== old, before, { polling: 50, timeout: 10000 })
    const ms = Date.now() - begun
    await page.locator('[data-live-state][data-state=live]').waitFor()
    const drawn = () => page.evaluate(() => {
      const c = document.querySelector('.bed canvas')
      return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.reduce((n, v, i) => n + (i % 4 === 3 && v > 0 ? 1 : 0), 0)
    })
    const first = await drawn()
    await page.waitForTimeout(1500)
    const wrong = must((await drawn()) !== first && (await drawn()) > 0, 'the waveform stands still')
    await page.getByRole('button', { name: 'Hold the picture' }).click()
    const held = (await rates.allInnerTexts()).join()
    await page.waitForTimeout(2200)
    wrong.push(...must((await rates.allInnerTexts()).join() === held, 'values move although the picture is held'))
    return { wrong, moved: ms }
  },

  async 'live beds without movement for who wants none'(_, { open }) {
    const seen = await open({}, { still: true })
    await go(seen.page, '/live')
    await seen.page.waitForTimeout(6500)
    const drawn = await seen.page.evaluate(() => {
      const c = document.querySelector('.bed canvas')
      return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v, i) => i % 4 === 3 && v > 0)
    })
    await seen.close()
    return must(drawn, 'there is no picture of the waveform')
  },
}
