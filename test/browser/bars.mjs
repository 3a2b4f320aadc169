// A stranger that is a known device under another name, and one that should not
// be here: both said in the console, and both taken back.
import { connect } from 'node:net'
import { run } from '../peers/load.mjs'
import { origin } from './browser.mjs'
import { accessible, fits } from './check.mjs'

const go = (page, path) => page.goto(origin + path)
const must = (is, text) => (is ? [] : [text])
const stamp = () => new Date().toISOString().replace(/[-:T]|\.\d+Z/g, '') + '+0000'

let sent = 0

/** A monitor of one serial number behind a network card: its EUI-64 names it. */
const monitor = (card, serial, place, rate) => [`MSH|^~\\&|CARD-${card.slice(-2)}^${card}^EUI-64|SIMWARD|||${stamp()}||ORU^R01^ORU_R01|BAR-${process.pid}-${++sent}|P|2.6|||AL|NE|`,
  'PID|1||ICU49996^^^SIMHOSP^MR||Kessler^Kuno^^^^^L', `PV1|1|I|${place}`, `OBR|1|${sent}|${sent}|69837^MDC_DEV_METER_PHYSIO_MULTI_PARAM_MDS^MDC|||${stamp()}`,
  `OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||${card}^^${card}^EUI-64`, 'OBX|2|ST|67880^MDC_ATTR_ID_MODEL^MDC|1.0.0.1|Thalamus Simulation^Monitor S8||||||R',
  `OBX|3|ST|531972^MDC_ID_PROD_SPEC_SERIAL^MDC|1.0.0.2|${serial}||||||R`, `OBX|4|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|${rate}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||${stamp()}`].join('\r') + '\r'

/** Sends a message to the gate; ends when it is acknowledged. */
function send(message) {
  const [host, port] = run.gate.split(':')
  return new Promise((done, failed) => {
    const link = connect(Number(port), host, () => link.write(`\x0b${message}\x1c\r`))
    link.setTimeout(15000, () => link.destroy(new Error('not acknowledged')))
    link.on('error', failed)
    link.on('data', (bytes) => {
      if (!/MSA\|[AC]A/.test(String(bytes))) return failed(new Error(String(bytes)))
      link.end()
      done()
    })
  })
}

async function until(page, what, holds, most = 60000) {
  for (const begun = Date.now(); Date.now() - begun < most; ) {
    if (await holds()) return
    await page.waitForTimeout(300)
    await page.reload()
  }
  throw new Error(`not in ${most / 1000} s: ${what}`)
}

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

/** Opens one of the acts at the top of a page; gives its form. */
async function act(page, name) {
  await page.locator('summary', { hasText: new RegExp(`^\\s*${name}\\s*$`) }).first().click()
  return page.locator('details.reason[open] form')
}

const toast = (page, text) => page.locator('.toast', { hasText: text })
const undo = (page) => page.locator('.toast').getByRole('button', { name: 'Undo' }).click()

export const errands = {
  async 'merge a stranger into the known device it is, from the inbox and by hand, and take both back'(page, { picture }) {
    const row = (number) => page.locator('#inbox tbody tr', { hasText: `SER-${number}` })
    const id = async (number) => (await row(number).getByRole('link').first().getAttribute('href')).split('/').pop()
    await send(monitor('0012EE01FFFF0201', 'SER-77100', 'GATE^2^1', 81))
    await go(page, '/inbox')
    await until(page, 'the first board waits in the inbox', async () => (await row('77100').count()) === 1)
    const known = await id('77100')
    await row('77100').getByRole('checkbox').check()
    await page.getByLabel(/^Reason/).fill('delivered today, order 4713')
    await page.getByRole('button', { name: 'Adopt the chosen devices' }).click()
    await toast(page, 'adopted').waitFor()
    await send(monitor('0012EE01FFFF0202', 'SER-77101', 'GATE^2^1', 82)) // its board was exchanged
    await until(page, 'the second board waits in the inbox', async () => (await row('77101').count()) === 1)
    const stranger = await id('77101')
    const wrong = must(stranger !== known && /May be/.test(await row('77101').innerText()), `not told which known device it may be: ${await row('77101').innerText()}`)
    wrong.push(...(await looked(page, 'inbox-merge', picture)))
    const merge = async () => {
      await page.getByLabel(/^Reason/).fill('its board was exchanged')
      await row('77101').getByRole('button', { name: /^It is this one/ }).click()
      await toast(page, 'another name of this device').waitFor()
    }
    await merge()
    wrong.push(...must(page.url().endsWith(known), `the merge leads to ${page.url()}`))
    wrong.push(...must(/board was exchanged/.test(await page.locator('#aliases').innerText()), 'the device does not tell its other name'))
    wrong.push(...(await looked(page, 'merged', picture)))
    await undo(page)
    await toast(page, 'two devices again').waitFor()
    await go(page, '/inbox')
    wrong.push(...must((await row('77101').count()) === 1, 'after undo it does not wait in the inbox'))

    await go(page, `/devices/${stranger}`)
    const form = await act(page, 'It is a known device')
    wrong.push(...(await looked(page, 'merge-form', picture)))
    await form.getByLabel(/^The known device/).fill('no such thing')
    await form.getByLabel(/^Reason/).fill('its board was exchanged')
    await form.getByRole('button').click()
    await page.locator('[aria-invalid="true"]').first().waitFor()
    wrong.push(...must((await page.locator('[aria-invalid="true"]').first().inputValue()) === 'no such thing', 'what was typed is gone'))
    wrong.push(...(await looked(page, 'merge-refused', picture)))
    await page.locator('details.reason[open] form').getByLabel(/^The known device/).fill(known)
    await page.locator('details.reason[open] form').getByLabel(/^Reason/).fill('its board was exchanged')
    await page.locator('details.reason[open] form').getByRole('button').click()
    await toast(page, 'another name of this device').waitFor()
    await send(monitor('0012EE01FFFF0202', 'SER-77101', 'GATE^2^1', 83))
    await go(page, `/devices/${known}?more=1`)
    await until(page, 'what comes under the other name is this device’s', async () => /\b83\b/.test((await page.locator('#values').innerText().catch(() => '')) ?? ''))
    const apart = page.locator('#aliases tbody tr').first()
    await apart.locator('summary', { hasText: 'Separate' }).click()
    await apart.getByLabel(/^Reason/).fill('there are two monitors')
    await apart.getByRole('button', { name: 'Separate' }).click()
    await toast(page, 'two devices again').waitFor()
    return wrong
  },

  async 'block a stranger and take it back, block a device that is in use, end the block and send what was set aside'(page, { picture }) {
    const row = page.locator('#inbox tbody tr', { hasText: 'SER-77200' })
    await send(monitor('0012EE01FFFF0203', 'SER-77200', 'GATE^3^1', 91))
    await go(page, '/inbox')
    await until(page, 'the stranger waits in the inbox', async () => (await row.count()) === 1)
    const wrong = []
    const device = await row.getByRole('link').first().getAttribute('href')
    await row.getByRole('checkbox').check()
    await page.getByLabel(/^Reason/).fill('nobody ordered it')
    await page.getByRole('button', { name: 'Block the chosen devices' }).click()
    await page.getByText('is in use').first().waitFor() // it names a patient
    wrong.push(...must(await row.getByRole('checkbox').isChecked(), 'what was chosen is forgotten'))
    wrong.push(...(await looked(page, 'inbox-block-refused', picture)))
    await page.getByRole('checkbox', { name: /^Block although in use/ }).check()
    await page.getByRole('button', { name: 'Block the chosen devices' }).click()
    await toast(page, '1 device is blocked').waitFor()
    wrong.push(...must(/Blocked/.test(await row.innerText()), `the inbox does not say that it is blocked: ${await row.innerText()}`))
    wrong.push(...(await looked(page, 'inbox-blocked', picture)))
    await undo(page)
    await toast(page, 'The block is taken back').waitFor()
    wrong.push(...must(!/Blocked/.test(await row.innerText()), 'after undo it is still blocked'))
    await row.getByRole('checkbox').check()
    await page.getByLabel(/^Reason/).fill('delivered today, order 4714')
    await page.getByRole('button', { name: 'Adopt the chosen devices' }).click()
    await toast(page, 'adopted').waitFor()

    await go(page, device)
    let form = await act(page, 'Block')
    await form.getByLabel(/^Hours/).fill('2')
    await form.getByLabel(/^Reason/).fill('sends under a false name')
    wrong.push(...(await looked(page, 'block-form', picture)))
    await form.getByRole('button').click()
    await page.getByText('is in use').first().waitFor()
    wrong.push(...must((await page.getByLabel(/^Reason/).first().inputValue()) === 'sends under a false name', 'what was typed is gone'))
    wrong.push(...(await looked(page, 'block-refused', picture)))
    form = page.locator('details.reason[open] form')
    await form.getByRole('checkbox', { name: /^Although it is in use/ }).check()
    await form.getByRole('button').click()
    await toast(page, 'The device is blocked').waitFor()
    await page.getByText('Blocked by').first().waitFor()
    wrong.push(...(await looked(page, 'blocked', picture)))
    await send(monitor('0012EE01FFFF0203', 'SER-77200', 'GATE^3^1', 92))
    await go(page, `/messages?device=${device.split('/').pop()}`)
    await until(page, 'what it sends is recorded as before', async () => (await page.locator('#messages tbody tr').count()) === 2)
    await page.locator('#messages tbody tr').first().getByRole('rowheader').getByRole('link').click()
    await until(page, 'its message says that it is blocked', async () => /blocked/i.test(await page.locator('main').innerText()))
    const message = page.url().slice(origin.length)
    await go(page, device)
    form = await act(page, 'End the block')
    await form.getByLabel(/^Reason/).fill('checked at the bed')
    await form.getByRole('checkbox', { name: /^Also send/ }).check()
    wrong.push(...(await looked(page, 'unblock-form', picture)))
    await form.getByRole('button').click()
    await toast(page, 'The block has ended').waitFor()
    await go(page, message)
    await until(page, 'what was set aside is delivered', async () => (await page.locator('#delivery-list tbody tr', { hasText: 'Delivered' }).count()) > 0)
    return wrong
  },
}
