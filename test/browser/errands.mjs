// What people come to the console for, done the way they do it: by the words
// on the page. Each errand gives what is wrong, or throws.
import { connect } from 'node:net'
import { run } from '../peers/load.mjs'
import { origin } from './browser.mjs'
import { accessible, fits } from './check.mjs'

/** Sends HL7 messages as a device does; ends when all are acknowledged. */
const device = (...messages) => send(run.devices, messages)

/** Sends to an address what a device sends; ends when all are acknowledged. */
function send(to, messages) {
  const [host, port] = to.split(':')
  return new Promise((done, failed) => {
    let heard = ''
    const link = connect(Number(port), host, () => link.write(messages.map((m) => `\x0b${m}\x1c\r`).join('')))
    link.setTimeout(15000, () => link.destroy(new Error(`acknowledged so far: ${heard}`)))
    link.on('error', failed)
    link.on('data', (bytes) => {
      heard += bytes
      if (heard.split('\x1c').length <= messages.length) return
      link.end()
      if (/MSA\|[AC]A/.test(heard)) done()
      else failed(new Error(heard))
    })
  })
}

let sent = 0
const stamp = () => new Date().toISOString().replace(/[-:T]|\.\d+Z/g, '') + '+0000'
const newcomer = (kind, ...lines) =>
  [`MSH|^~\\&|SIMMON-99^0012EE01FFFF0099^EUI-64|SIMWARD|||${stamp()}||${kind}|NEW-${process.pid}-${++sent}|P|2.6|||AL|NE|`, 'PID|1||ICU49999^^^SIMHOSP^MR||Zimmermann^Zoe^^^^^L||19700101|F', 'PV1|1|I|ICU^9^99', ...lines].join('\r') + '\r'
const alarm = (phase, state) =>
  newcomer('ORU^R40^ORU_R40', `OBR|1||NEW${sent}^SIM|196616^MDC_EVT_ALARM^MDC|||${stamp()}||||||||||||||||||||||ALARM-99^SIM`,
    'OBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.1.0.0.1|196670^MDC_EVT_LO^MDC||||||F', 'OBX|5|CWE|68480^MDC_ATTR_ALERT_SOURCE^MDC|1.1.0.0.5|147842^MDC_ECG_HEART_RATE^MDC||||||F', `OBX|2|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.1.0.0.2|${phase}||||||F`,
    `OBX|3|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.1.0.0.3|${state}||||||F`, 'OBX|4|ST|68484^MDC_ATTR_ALARM_PRIORITY^MDC|1.1.0.0.4|PH||||||F')

const go = (page, path) => page.goto(origin + path)
const must = (is, text) => (is ? [] : [text])

/** What a page that only an act leads to must be like: the crawl does not see it. */
const looked = async (page) => {
  await page.evaluate(() => scrollTo(0, 0)) // what the bar at the top covers is not small
  const wrong = await accessible(page)
  await page.setViewportSize({ width: 320, height: 640 })
  wrong.push(...(await fits(page)))
  await page.setViewportSize({ width: 1280, height: 800 })
  return wrong.map((w) => `${new URL(page.url()).pathname}: ${w}`)
}

/** Waits until a condition holds, reading the page anew in between. */
async function until(page, what, holds, most = 20000) {
  for (const begun = Date.now(); Date.now() - begun < most; ) {
    if (await holds()) return
    await page.waitForTimeout(300)
    await page.reload()
  }
  throw new Error(`not in ${most / 1000} s: ${what}`)
}

/** Finds a patient's messages of observations: of all kinds, those of the
 * laboratory fill the first page after some minutes. */
async function messagesOf(page, name) {
  await go(page, '/messages')
  await page.getByLabel('Patient: name or number').fill(name)
  await page.getByLabel(/^Type/).fill('ORU')
  await page.getByRole('button', { name: 'Find', exact: true }).click()
  const choice = page.locator('main').getByRole('link', { name: new RegExp(name) }).first()
  if ((await page.locator('#messages tbody tr').count()) === 0) await choice.click()
  await page.locator('#messages tbody tr').first().waitFor()
}

export const errands = {
  async 'find a message by patient name and have its fields explained'(page) {
    await messagesOf(page, 'Almeida')
    const wrong = must(!decodeURIComponent(page.url()).includes('Almeida'), 'a name stands in the address')
    const rows = await page.locator('#messages tbody tr').allInnerTexts()
    wrong.push(...must(rows.length > 0 && rows.every((r) => r.includes('Almeida')), 'the list holds messages of others'))
    await page.locator('#messages tbody tr').first().getByRole('link').first().click()
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
    await messagesOf(page, 'Brandt')
    await page.locator('#messages tbody tr').first().getByRole('link').first().click()
    await page.locator('summary', { hasText: 'Deliver again' }).click()
    const form = page.locator('details.reason[open] form')
    await form.getByLabel(/^Reason/).fill('the receiver was restored from a backup')
    await form.getByRole('button', { name: 'Deliver again' }).click()
    await page.locator('.toast').waitFor()
    await until(page, 'a delivery by replay', async () => (await page.locator('main tbody tr', { hasText: 'Delivered' }).filter({ hasNotText: 'first time' }).count()) > 0)
  },

  async 'adopt a device from the wire: what it seems to be, what waited goes in order, its values stand in the register'(page, { picture }) {
    const rates = [71, 72, 73]
    const messages = rates.map((rate, i) => [`MSH|^~\\&|WIRE-7^0012EE01FFFF0107^EUI-64|SIMWARD|||${stamp()}||ORU^R01^ORU_R01|WIRE-${process.pid}-${i}|P|2.6|||AL|NE|`,
      'PID|1||ICU49997^^^SIMHOSP^MR||Wachter^Wanda^^^^^L', 'PV1|1|I|GATE^1^1', `OBR|1|${i}|${i}|69837^MDC_DEV_METER_PHYSIO_MULTI_PARAM_MDS^MDC|||${stamp()}`,
      'OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||0012EE01FFFF0107^^0012EE01FFFF0107^EUI-64', 'OBX|2|ST|67880^MDC_ATTR_ID_MODEL^MDC|1.0.0.1|Thalamus Simulation^Monitor S8||||||R', `OBX|3|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|${rate}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||${stamp()}`].join('\r') + '\r')
    await send(run.gate, messages)
    const row = page.locator('#inbox tbody tr', { hasText: /GATE · 1/ })
    await go(page, '/inbox')
    await until(page, 'the stranger waits in the inbox', async () => (await row.count()) === 1 && /3 messages/.test(await row.innerText()))
    const seems = row.locator('.tip', { hasText: 'model' }).first()
    await seems.focus()
    const wrong = must(/Monitor S8/.test(await row.innerText()) && /Its messages say so/.test(await seems.locator('.tip-text').innerText()), `it is not told what it seems to be, and why: ${await row.innerText()}`)
    wrong.push(...must(/profile/i.test(await row.innerText()), 'it is not told what reads it'))
    const id = (await row.getByRole('link').first().getAttribute('href')).split('/').pop()
    await picture(page, 'inbox-suggestion-light', false)
    await go(page, `/messages?device=${id}`)
    const sent = (await page.locator('#messages tbody tr').getByRole('rowheader').getByRole('link').evaluateAll((all) => all.map((a) => a.getAttribute('href')))).reverse()
    wrong.push(...must(sent.length === 3, `${sent.length} messages are recorded, not 3`))
    await go(page, sent[0])
    wrong.push(...must((await page.locator('#deliveries, main').first().innerText()).includes('quarantine'), 'a stranger\'s message does not say that it waits in quarantine'))
    await go(page, '/inbox')
    await row.getByRole('checkbox').check()
    await page.getByLabel(/^Reason/).fill('delivered today, order 4712')
    await page.getByRole('button', { name: 'Adopt the chosen devices' }).click()
    await page.locator('.toast', { hasText: 'adopted' }).waitFor()
    wrong.push(...must((await row.count()) === 0, 'an adopted device is still in the inbox'))
    const settled = []
    for (const path of sent) {
      await go(page, path)
      const delivery = page.locator('#delivery-list tbody tr', { hasText: 'lab' }).filter({ hasText: 'Delivered' })
      await until(page, `${path} is delivered`, async () => (await delivery.count()) > 0)
      settled.push(await delivery.first().locator('time').last().getAttribute('datetime'))
    }
    wrong.push(...must(settled.every((at, i) => i === 0 || Date.parse(settled[i - 1]) <= Date.parse(at)), `what waited was not delivered in its order: ${settled}`))
    await go(page, `/devices/${id}?more=1`)
    await page.getByText(/^Adopted/).first().waitFor()
    const values = page.locator('#values tbody tr', { hasText: 'MDC_ECG_HEART_RATE' })
    wrong.push(...must(/\b73\b/.test(await values.innerText()), `its last value is not 73: ${await values.innerText()}`), ...(await looked(page)))
    await picture(page, 'adopted-with-values-light')
    return wrong
  },

  async 'adopt a new device, think again, adopt it for good'(page) {
    await go(page, '/inbox')
    const row = page.locator('#inbox tbody tr', { hasText: /\bLAB\b/ })
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
    await page.getByText(/^Adopted/).first().waitFor()
    await page.getByLabel('Name on the ward').fill('Blood gas analyser 1')
    await page.getByLabel('Where it stands').fill('LAB^1^1')
    await page.locator('form[action$="/assert"]').getByLabel(/^Reason/).fill('label on its side')
    await page.getByRole('button', { name: 'Keep', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Blood gas analyser 1' }).waitFor()
    await page.getByRole('navigation', { name: 'More of this' }).getByRole('link', { name: 'History' }).click()
    const history = await page.locator('#history').innerText()
    wrong.push(...must(/Adoption/.test(history) && /Name/.test(history), 'the history does not tell of adoption and name'))
    return wrong
  },

  async 'try a dead letter again, and set another aside for good'(page) {
    const settle = async (button) => {
      await go(page, '/dead-letters')
      const row = page.locator('#dead tbody tr', { hasText: 'Laboratory' }).first()
      const letter = await row.getByRole('checkbox').getAttribute('value')
      const message = await row.getByRole('rowheader').getByRole('link').first().getAttribute('href')
      await row.getByRole('checkbox').check()
      await page.locator('#settle').getByLabel(/^Reason/).fill('the laboratory corrected its side')
      await page.locator('#settle').getByRole('button', { name: button }).click()
      await page.locator('.toast').waitFor()
      await until(page, `letter ${letter} is settled`, async () => (await page.locator(`#dead input[name=id][value="${letter}"]`).count()) === 0)
      return message
    }
    const delivery = (state) => async () => (await page.locator('main tbody tr', { hasText: 'lab' }).filter({ hasText: state }).count()) > 0
    await go(page, await settle('Try again'))
    await until(page, 'delivered to the laboratory', delivery('Delivered'))
    await go(page, await settle('Set aside for good'))
    await until(page, 'set aside', delivery('Set aside'))
  },

  async 'scan a wristband and a device, take it back, scan again, end it'(page) {
    await device(newcomer('ADT^A04^ADT_A01').replace('PV1|1|I|ICU^9^99', 'PV1|1|O|'))
    await go(page, '/connect')
    const open = page.locator('#open tbody tr', { hasText: 'Zimmermann' })
    const scan = async () => { // as a scanner types: no mouse, return behind each
      await page.locator('form[action="/connect"] input[name=wristband]:focus').waitFor()
      await page.keyboard.type('ICU49999^^^SIMHOSP^MR')
      await page.keyboard.press('Enter')
      await page.locator('form[action="/connect"] input[name=barcode]:focus').waitFor()
      await page.keyboard.type(code)
      await page.keyboard.press('Enter')
      await page.locator('.toast', { hasText: 'is connected' }).waitFor()
      await open.waitFor()
    }
    await go(page, '/devices')
    const code = (await page.locator('tbody a[href^="/devices/dev-"]').first().getAttribute('href')).split('/').pop()
    await go(page, '/connect')
    await scan()
    const wrong = must(!decodeURIComponent(page.url()).includes('49999'), 'a number stands in the address')
    await page.locator('.toast').getByRole('button', { name: 'Undo' }).click()
    await open.waitFor({ state: 'detached' })
    wrong.push(...must((await page.locator('#past tbody tr', { hasText: 'Taken back' }).count()) > 0, 'the history does not tell of what was taken back'))
    await scan()
    await open.getByRole('button', { name: /End/ }).click()
    await page.locator('.toast', { hasText: 'not connected' }).waitFor()
    wrong.push(...must((await open.count()) === 0, 'it is still connected'))
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
    await page.waitForFunction((old) => [...document.querySelectorAll('[data-code="MDC_ECG_HEART_RATE"]')].map((n) => n.innerText).join() !== old, before, { polling: 50, timeout: 30000 })
    const ms = Date.now() - begun
    await page.locator('[data-live-state][data-state=live]').waitFor()
    const drawn = () => page.evaluate(() => {
      // Of all beds: not every one has a waveform.
      return [...document.querySelectorAll('.bed canvas')].map((c) => c.width && c.height ? c.getContext('2d').getImageData(0, 0, c.width, c.height).data.reduce((n, v, i) => n + (i % 4 === 3 && v > 0 ? i % 9973 : 0), 0) : 0).reduce((a, b) => a + b, 0)
    })
    const first = await drawn()
    let moved = false
    for (let i = 0; i < 20 && !moved; i++) {
      await page.waitForTimeout(500)
      const now = await drawn()
      moved = now > 0 && now !== first
    }
    const wrong = must(moved, 'the waveform stands still')
    await page.getByRole('button', { name: 'Hold the picture' }).click()
    const held = (await rates.allInnerTexts()).join()
    await page.waitForTimeout(2200)
    wrong.push(...must((await rates.allInnerTexts()).join() === held, 'values move although the picture is held'))
    return { wrong, moved: ms }
  },

  async 'a new bed comes by itself, its alert comes and goes, its silence is seen'(page) {
    await go(page, '/live')
    await page.locator('[data-live-state][data-state=live]').waitFor()
    await device(newcomer('ORU^R01^ORU_R01', `OBR|1|||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|||${stamp()}`, 'OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|41|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F'))
    const bed = page.locator('.bed', { hasText: 'Zimmermann' })
    await bed.locator('.reading', { hasText: '41' }).waitFor({ timeout: 30000 })
    await device(alarm('start', 'active'))
    await bed.locator('.alarm-high', { hasText: 'Heart rate (ECG): Value below the lower limit' }).waitFor()
    const wrong = must(/High priority/.test(await bed.locator('.alarm').innerText()), 'the weight of the alert is a colour only')
    await device(alarm('end', 'inactive'))
    await bed.locator('.no-alarm').waitFor()
    await bed.locator('.vital.late').waitFor({ timeout: 40000 })
    wrong.push(...must(/^\d+ s$/.test((await bed.locator('.vital .age').first().innerText()).replace('⚠', '').trim()), 'the age of a silent value is not told'))
    return wrong
  },

  async 'live beds without movement for who wants none'(_, { open }) {
    const seen = await open({}, { still: true })
    await go(seen.page, '/live')
    await seen.page.waitForTimeout(6500)
    const drawn = await seen.page.evaluate(() => {
      return [...document.querySelectorAll('.bed canvas')].some((c) => c.width && c.height && c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v, i) => i % 4 === 3 && v > 0))
    })
    await seen.close()
    return must(drawn, 'there is no picture of the waveform')
  },

  async 'make a channel, put a wrong setting right, close it, think again'(page) {
    await go(page, '/channels')
    await page.getByRole('link', { name: 'Make a channel' }).click()
    if ((await page.locator('.choices').count()) > 0) await page.locator('.choices a', { hasText: 'mllp' }).click()
    await page.getByLabel(/^Id/).fill('recovery')
    await page.getByLabel(/^Listen/i).fill('nowhere')
    await page.getByLabel(/^Reason/).fill('the recovery room moved in')
    await page.getByRole('button', { name: 'Bring in force' }).click()
    const field = page.getByLabel(/^Listen/i)
    await page.locator('[aria-invalid="true"]').waitFor()
    const wrong = must((await field.getAttribute('aria-invalid')) === 'true' && (await field.inputValue()) === 'nowhere', 'what is wrong does not stand at its field with what was typed')
    await field.fill('127.0.0.1:0')
    await page.getByRole('button', { name: 'Bring in force' }).click()
    await page.getByRole('heading', { level: 1, name: 'recovery' }).waitFor()
    await page.locator('.stats', { hasText: 'Listening' }).waitFor()
    await page.locator('summary', { hasText: 'Close' }).click()
    const form = page.locator('details.reason[open] form')
    await form.getByLabel(/^Reason/).fill('painting')
    await form.getByRole('button', { name: 'Close' }).click()
    await page.locator('.stats', { hasText: 'Disabled' }).waitFor()
    await page.locator('.toast').getByRole('button', { name: 'Undo' }).click()
    await page.locator('.stats', { hasText: 'Listening' }).waitFor()
    return wrong
  },

  async 'compare a text with what is in force and apply it'(page) {
    await go(page, '/configuration')
    const text = await page.locator('#in-force').innerText()
    await page.getByLabel('Text', { exact: true }).fill(text.replace('Bedside devices', 'Devices at the bed').replace('driver: mllp', 'driver: mllp\n    colour: blue'))
    await page.getByRole('button', { name: 'Compare' }).click()
    const wrong = must(/colour/.test(await page.locator('.bytes .lit').innerText()), 'the wrong line is not shown')
    await page.getByLabel('Text', { exact: true }).fill(text.replace('Bedside devices', 'Devices at the bed'))
    await page.getByRole('button', { name: 'Compare' }).click()
    const row = page.locator('#changes tbody tr')
    wrong.push(...must((await row.count()) === 1 && /Changed/.test(await row.innerText()), 'the difference is not one change'))
    await page.getByLabel(/^Reason/).fill('clearer')
    await page.getByRole('button', { name: /Bring in force/ }).click()
    await page.locator('.toast', { hasText: 'The text is in force' }).waitFor()
    return wrong
  },

  async 'map an unknown label and read what was stored again'(page, { picture }) {
    await go(page, '/labels')
    await page.locator('#unknown tbody tr', { hasText: 'Sp02 finger' }).getByRole('link', { name: 'Sp02 finger' }).click()
    await page.getByRole('searchbox', { name: 'Search the table' }).fill('oxygen saturation')
    await page.getByRole('searchbox', { name: 'Search the table' }).press('Enter')
    await page.getByText(/found; (it|they) stand/).waitFor()
    const form = page.locator('#map')
    await form.getByLabel(/^Reason/).fill('manual of the analyser, page 12')
    await form.getByRole('button', { name: 'Map the label' }).click()
    await page.locator('.problem', { hasText: 'choose what the label means' }).waitFor()
    const wrong = must((await form.getByLabel(/^Reason/).inputValue()) === 'manual of the analyser, page 12', 'what was typed is gone')
    await form.locator('.choice', { hasText: 'MDC_PULS_OXIM_SAT_O2' }).first().getByRole('radio').check()
    await form.getByRole('button', { name: 'Map the label' }).click()
    await page.locator('.toast', { hasText: 'mapped' }).waitFor()
    const mapped = page.url()
    await page.getByRole('button', { name: 'Find the stored messages' }).click()
    await page.getByText(/stored messages? would say something else/).waitFor()
    wrong.push(...must(/\[Sp02 finger\]/.test(await page.locator('#difference').innerText()) && /MDC_PULS_OXIM_SAT_O2/.test(await page.locator('#difference').innerText()), 'the difference is not told before'))
    wrong.push(...(await looked(page)))
    const again = page.locator('form[action$="/reread"]')
    await again.getByLabel(/^Reason/).fill('values of today are wanted in the record of the ward')
    await again.getByRole('button', { name: /^Read .* again$/ }).click()
    await page.getByRole('heading', { level: 1, name: /^Replay \d+$/ }).waitFor()
    await until(page, 'the messages are read again', async () => /MDC_PULS_OXIM_SAT_O2/.test(await page.locator('main').innerText()))
    wrong.push(...(await looked(page)))
    await picture(page, 'label-replay-light')
    await page.locator('#difference').getByRole('link', { name: /^Message/ }).first().click()
    wrong.push(...must(/MDC_PULS_OXIM_SAT_O2/.test(await page.locator('#versions').innerText()), 'the message does not show its new reading'))
    await go(page, '/labels')
    wrong.push(...must((await page.locator('#unknown tbody tr', { hasText: 'Sp02 finger' }).count()) === 0, 'a mapped label still waits'))
    await go(page, new URL(mapped).pathname)
    await page.locator('summary', { hasText: 'Take it back' }).click()
    const back = page.locator('details.reason[open] form')
    await back.getByLabel(/^Reason/).fill('it was the pulse')
    await back.getByRole('button', { name: 'Take it back' }).click()
    await page.getByText('This mapping was taken back').waitFor()
    wrong.push(...(await looked(page)))
    await picture(page, 'label-taken-back-light')
    await go(page, '/audit?action=label.')
    wrong.push(...must(/it was the pulse/.test(await page.locator('#audit tbody tr').first().innerText()), 'the audit does not tell of it'))
    return wrong
  },

  async 'try a profile on what is stored, bring it in force, see a device outside its range, roll back'(page, { picture }) {
    const monitor = () => [`MSH|^~\\&|VC150|02:00:00:00:00:99|Gateway|Hospital|${stamp()}||ORU^R01^ORU_R01|VC-${process.pid}-${++sent}|P|2.6|||NE|AL`, 'PID|||ICU49998^^^SIMHOSP^MR||Quist^Quentin^^^^^L', `OBR|1|||VITALS^Vital Signs^VSM|||${stamp()}`,
      'OBX|3||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||02:00:00:00:00:99', 'OBX|4|ST|531975^MDC_ID_PROD_SPEC_SW^MDC|1.0.0.3|8.1||||||R',
      `OBX|1|ST|RESPRate|1.1.1.1|18||||||F|||${stamp()}||||02:00:00:00:00:99`, `OBX|2|ST|MDC_TEMP|1.1.1.1|36.7||||||F|||${stamp()}||||02:00:00:00:00:99`].join('\r') + '\r'
    await device(monitor())
    await go(page, '/profiles')
    await page.locator('#profiles tbody tr', { hasText: 'VC150' }).getByRole('link').first().click()
    await page.getByRole('link', { name: 'Change', exact: true }).click()
    const text = page.getByRole('textbox', { name: 'profile.yaml' })
    const before = await text.inputValue()
    await text.fill(before.replace('codec: hl7v2', 'codec: hl7v2\ncolour: blue'))
    await page.getByRole('button', { name: 'Check and try' }).click()
    await page.locator('#wrong .here', { hasText: 'colour' }).waitFor()
    await picture(page, 'profile-wrong-light')
    const wrong = must(/profile\.yaml:\d+:\d+/.test(await page.locator('main').innerText()), 'line and column are not told')
    wrong.push(...must((await text.inputValue()).includes('colour: blue'), 'what was typed is gone'))
    await text.fill(before.replace('{sender: VC150}', '{sender: VC150, software: ">=9"}'))
    const table = page.getByRole('textbox', { name: 'labels.csv' })
    await table.fill((await table.inputValue()).replace('MDC_TEMP;Cel', 'MDC_TEMP;[degF]'))
    await page.getByRole('button', { name: /Check and try|Try again/ }).click()
    await page.locator('#difference').waitFor()
    wrong.push(...(await looked(page)))
    await picture(page, 'profile-tried-light')
    await page.emulateMedia({ colorScheme: 'dark' })
    await picture(page, 'profile-tried-dark')
    await page.emulateMedia({ colorScheme: 'light' })
    wrong.push(...must(/implausible/.test(await page.locator('#difference').innerText()), 'the difference does not warn'))
    wrong.push(...must(/degF/.test(await page.locator('#change-labels').innerText()), 'the changed lines are not shown'))
    await page.locator('#force').getByLabel(/^Reason/).fill('monitors were set to Fahrenheit')
    await page.locator('#force').getByRole('button', { name: 'Bring in force' }).click()
    await page.locator('.toast', { hasText: 'Version 2 is in force' }).waitFor()
    await device(monitor())
    await until(page, 'a device is outside its range', async () => (await page.getByRole('link', { name: /devices whose software is outside/ }).count()) > 0)
    await picture(page, 'profile-outside-light')
    await page.getByRole('link', { name: /devices whose software is outside/ }).first().click()
    await page.locator('#devices tbody tr').first().getByRole('link').first().click()
    await page.getByText('Outside the range since').waitFor()
    wrong.push(...(await looked(page)))
    await picture(page, 'device-outside-light')
    await page.locator('#reading').getByRole('link', { name: /VC150/ }).click()
    await page.getByRole('link', { name: 'Against version 1' }).click()
    await page.locator('.code .add', { hasText: 'degF' }).waitFor()
    wrong.push(...(await looked(page)))
    await picture(page, 'profile-compared-light')
    await page.goBack()
    await page.locator('summary', { hasText: 'Roll back' }).click()
    const form = page.locator('details.reason[open] form')
    await form.getByLabel(/^Reason/).fill('monitors send Celsius')
    await form.getByRole('button', { name: 'Roll back' }).click()
    await page.locator('.toast', { hasText: 'Version 1 is in force again' }).waitFor()
    await device(monitor())
    await until(page, 'no device is outside any more', async () => (await page.getByRole('link', { name: /devices whose software is outside/ }).count()) === 0)
    await go(page, '/audit?action=profile.')
    const audit = await page.locator('#audit').innerText()
    wrong.push(...must(/monitors send Celsius/.test(audit) && /monitors were set to Fahrenheit/.test(audit), 'the audit does not tell of both'))
    return wrong
  },

  async 'make a token whose secret is shown once, and find it in the audit'(page) {
    await go(page, '/tokens')
    const fold = page.locator('details', { hasText: 'Make a token' })
    if (!(await fold.evaluate((d) => d.open))) await fold.locator('summary').click()
    await page.getByLabel(/^What uses it/).fill('dashboard of the ward')
    await fold.getByRole('checkbox', { name: /viewer/ }).check()
    await fold.getByLabel(/^Reason/).fill('new dashboard')
    await page.getByRole('button', { name: 'Make the token' }).click()
    const secret = (await page.locator('#once').innerText()).trim()
    const wrong = must(/^tha_/.test(secret) && !page.url().includes(secret), 'the secret is not shown, or stands in the address')
    await go(page, '/tokens')
    wrong.push(...must(!(await page.content()).includes(secret), 'the secret is shown again'))
    await go(page, '/audit?action=token.')
    wrong.push(...must(/new dashboard/.test(await page.locator('#audit tbody tr').first().innerText()), 'the audit does not tell of it'))
    await page.getByRole('button', { name: 'Verify' }).click()
    await page.getByText(/The audit is whole/).waitFor()
    return wrong
  },

  async 'let a device in with a credential that is shown once, and end it'(page) {
    await go(page, '/credentials')
    const fold = page.locator('details', { hasText: 'Make a credential' })
    if (!(await fold.evaluate((d) => d.open))) await fold.locator('summary').click()
    await fold.getByLabel(/^Id/).fill('errand-1')
    await fold.getByLabel(/^What it is for/).fill('scales of ward 3')
    await fold.getByLabel(/^Reason/).fill('new scales')
    await page.getByRole('button', { name: 'Make the credential' }).click()
    const secret = (await page.locator('#once').innerText()).trim()
    const wrong = must(/^thd_/.test(secret) && !page.url().includes(secret), 'the secret is not shown, or stands in the address')
    await go(page, '/credentials')
    wrong.push(...must(!(await page.content()).includes(secret), 'the secret is shown again'))
    const row = page.locator('#credentials tbody tr', { hasText: 'errand-1' })
    await row.locator('summary').click()
    await row.getByLabel(/^Reason/).fill('scales were lost')
    await row.getByRole('button', { name: 'Revoke' }).click()
    await page.locator('.toast', { hasText: 'The credential is revoked' }).waitFor()
    wrong.push(...must(/Revoked/.test(await row.innerText()), 'the list does not say that it is revoked'))
    return wrong
  },

  async 'see what flows where, by keyboard alone, and as a table where it is narrow'(page, { picture }) {
    await go(page, '/flow')
    const drawn = await page.locator('.flow-graph .flow-node').count()
    const listed = await page.locator('#flow-table tbody tr[data-row]').count()
    const wrong = must(drawn >= 5 && drawn === listed, `the picture has ${drawn} nodes, the table ${listed} rows`)
    wrong.push(...must((await page.locator('.flow-graph .flow-edge').count()) >= 3, 'nothing leads anywhere'))
    const before = await page.locator('#flow-table').innerText()
    const channel = page.locator('.flow-graph a[href^="/channels/"]').first()
    const name = await channel.getAttribute('href')
    for (let i = 0; i < 80 && !(await channel.evaluate((a) => a === document.activeElement)); i++) await page.keyboard.press('Tab')
    await page.waitForFunction((before) => document.querySelector('#flow-table').innerText !== before, before) // it goes on by itself
    wrong.push(...must(await channel.evaluate((a) => a === document.activeElement), 'the focus is lost when the picture is drawn anew'))
    await page.keyboard.press('Enter')
    await page.waitForURL((u) => u.pathname === name)
    await go(page, '/flow?by=place')
    wrong.push(...must(/ICU/.test(await page.locator('#flow-table').innerText()), 'no place is named'), ...(await looked(page)))
    await picture(page, 'flow-by-place')
    await page.setViewportSize({ width: 320, height: 640 })
    wrong.push(...must(!(await page.locator('.flow-graph').isVisible()) && (await page.locator('#flow-table').isVisible()), 'a narrow window does not get the table'))
    return wrong
  },

  async 'find an answer with the search alone: slash, words, arrows, Enter'(page) {
    await go(page, '/channels')
    const find = async (text, kind) => {
      await page.locator('body').press('/')
      await page.keyboard.type(text)
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { level: 1, name: 'Found' }).waitFor()
      return must((await page.getByRole('heading', { level: 2, name: new RegExp(kind) }).count()) > 0, `“${text}” finds no ${kind}`)
    }
    const wrong = await find('Almeida', 'Patients')
    wrong.push(...must(!decodeURIComponent(page.url()).includes('Almeida'), 'a name stands in the address'), ...(await looked(page)))
    await page.keyboard.press('Escape')
    wrong.push(...(await find('Monitor S8', 'Devices')))
    await page.keyboard.press('Escape')
    wrong.push(...(await find('journal', 'Pages')))
    const first = page.locator('main .hits a').first()
    const to = await first.getAttribute('href')
    await page.keyboard.press('ArrowDown')
    wrong.push(...must(await first.evaluate((a) => a === document.activeElement), 'the arrow does not reach the first result'))
    await page.keyboard.press('Enter')
    await page.waitForURL((u) => u.pathname + u.search === to)
    return wrong
  },

  async 'see what the house should look at, and go where it is'(page) {
    await go(page, '/oversight')
    const row = page.locator('#house tbody tr', { hasText: 'Not adopted' })
    const count = await row.getByRole('link').innerText()
    const wrong = must(/Running since/i.test(await page.locator('main').innerText()), 'nothing is said of the program itself')
    await row.getByRole('link').click()
    await page.waitForURL((u) => u.pathname === '/inbox')
    const rows = await page.locator('#inbox tbody tr').count()
    wrong.push(...must(rows === Math.min(Number(count), 100), `${count} are not adopted, the inbox has ${rows}`))
    return wrong
  },

  async 'which devices talk unencrypted to whom'(page) {
    await go(page, '/oversight')
    await page.getByRole('link', { name: 'Connections', exact: true }).first().click()
    await page.waitForURL((u) => u.pathname === '/connections')
    await page.locator('.connections-counts').getByRole('link', { name: /Not encrypted/ }).click()
    await page.waitForURL((u) => u.searchParams.get('encrypted') === 'no')
    const rows = await page.locator('#connection-rows tbody tr').allInnerTexts()
    const wrong = must(rows.length > 0 && rows.every((r) => /Not encrypted/.test(r)), 'the list does not answer who talks unencrypted')
    wrong.push(...must(rows.some((r) => /Channel/.test(r) && /hl7v2/.test(r)), `no plain HL7 v2 sender is listed: ${rows[0]}`), ...(await looked(page)))
    await go(page, '/connections')
    wrong.push(...(await looked(page)))
    return wrong
  },
}
