// What biomedical engineers come to the console for, done as they do it: with
// a scanner that types, and without the mouse where it says so.
import { readFileSync } from 'node:fs'
import { origin } from './browser.mjs'
import { accessible, fits } from './check.mjs'

const go = (page, path) => page.goto(origin + path)
const must = (is, text) => (is ? [] : [text])

/** A page that only an act leads to: the crawl does not see it. */
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
  await picture(page, `${name}-light-320`)
  await page.setViewportSize({ width: 1280, height: 800 })
  return wrong.map((w) => `${name}: ${w}`)
}

/** Types as a scanner does, into the field that has the focus: it must. */
async function scans(page, text) {
  // A browser gives the focus with its first frame, a moment after the page is there.
  await page.waitForFunction(() => document.activeElement?.name === 'text', null, { timeout: 15000 }).catch(async () => {
    throw new Error(`the scanner types into ${(await page.evaluate(() => document.activeElement?.name)) || 'nothing'}`)
  })
  await page.keyboard.type(text)
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.keyboard.press('Enter')])
}

/** Moves the focus to a link or button with the keyboard alone, and uses it. */
async function reaches(page, name) {
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press('Tab')
    const at = await page.evaluate(() => (document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '').trim())
    if (at !== name) continue
    await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.keyboard.press('Enter')])
    return
  }
  throw new Error(`Tab does not reach ${name}`)
}

export const errands = {
  async 'take in a Bluetooth device by comparing its number'(page, { picture }) {
    await go(page, '/pairings')
    if ((await page.getByText('No Bluetooth device is near').count()) > 0) return [] // no dbus-daemon here: the demo said so
    const row = page.locator('#pairings tbody tr', { hasText: 'SIM-BP' })
    const agree = async () => {
      await row.locator('summary', { hasText: 'Agree' }).click()
      await row.locator('details[open] form').getByLabel(/^Reason/).fill('it lies before me')
      await row.locator('details[open] form').getByRole('button', { name: 'Agree' }).click()
      await page.locator('.toast').waitFor()
    }
    const until = async (state) => {
      for (const begun = Date.now(); !state.test(await row.innerText()); await page.reload()) {
        if (Date.now() - begun > 60000) throw new Error(`not ${state}: ${await row.innerText()}`)
        await page.waitForTimeout(500)
      }
    }
    await agree()
    await until(/\b\d{6}\b/) // the number that its display shows too
    const wrong = must((await row.innerText()).includes('163352'), `it shows another number: ${await row.innerText()}`)
    await picture(page, 'pairing-compared-light')
    await agree()
    await until(/One of ours/)
    await go(page, '/devices?cols=serial+battery+heard')
    const told = page.locator('#devices tbody tr', { hasText: 'SIM-BP-ICU8' })
    for (const begun = Date.now(); !(await told.count()) || !/\d+ %/.test(await told.innerText()); await page.reload()) {
      if (Date.now() - begun > 60000) throw new Error(`no battery: ${await page.locator('main').innerText()}`)
      await page.waitForTimeout(1000)
    }
    await picture(page, 'battery-light')
    return wrong
  },
  async 'inventory ten devices by scanner'(page, { picture }) {
    await go(page, '/devices?cols=serial+place')
    const labels = await page.locator('#devices tbody tr', { hasText: /ICU/ }).locator('th a').evaluateAll((links) => links.slice(0, 10).map((a) => a.pathname.split('/').pop())) // our own labels
    const wrong = must(labels.length === 10, `only ${labels.length} devices at ICU`)
    await go(page, '/scan')
    await reaches(page, 'Count')
    await page.waitForFunction(() => document.activeElement?.tagName === 'INPUT', null, { timeout: 15000 }) // its first frame gives the focus
    await page.keyboard.type('ICU')
    await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.keyboard.press('Enter')])
    for (const [i, one] of labels.entries()) {
      await scans(page, one)
      const heading = page.getByRole('heading', { name: new RegExp(`^Counted ${i + 1} of \\d+ expected at ICU`) })
      await heading.waitFor({ timeout: 15000 }).catch(async (error) => {
        throw new Error(`after ${one} the page says: ${(await page.locator('main').innerText()).slice(0, 600)} ${error.message.slice(0, 60)}`)
      })
    }
    await scans(page, labels[0]) // twice counts once
    await page.getByRole('heading', { name: new RegExp(`^Counted ${labels.length} of`) }).waitFor()
    wrong.push(...must(new URL(page.url()).pathname === '/scan', 'the page was left'))
    wrong.push(...(await looked(page, 'count', picture)))
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Differences as CSV' }).click()])
    const rows = readFileSync(await file.path(), 'utf8').trim().split('\r\n').slice(1)
    wrong.push(...must(rows.filter((r) => r.startsWith('counted,')).length === labels.length, `the file tells of ${rows.length} devices: ${rows[0]}`))

    // A label nobody knows becomes the UDI of a device, and is known then.
    await go(page, '/scan')
    const label = '(01)09506000134352(21)SHELF-7'
    await scans(page, label)
    await page.getByRole('heading', { name: 'Nobody knows this label' }).waitFor()
    wrong.push(...must(!page.url().includes('SHELF'), 'what was scanned stands in the address'))
    wrong.push(...(await looked(page, 'scan-unknown', picture)))
    await page.getByLabel('On which device does it stand?').fill(labels[0])
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: /^It is the UDI of/ }).first().click()
    await page.locator('.toast', { hasText: 'UDI: kept.' }).waitFor()
    await page.getByRole('textbox', { name: /^Label/ }).focus()
    await scans(page, label)
    await page.getByText('scanned last').waitFor()
    wrong.push(...(await looked(page, 'scan-found', picture)))
    await page.getByLabel('Lent to', { exact: true }).fill('Ward 7')
    await page.getByLabel('until', { exact: true }).fill('2099-12-31')
    await page.getByRole('button', { name: 'Lend', exact: true }).click()
    await page.locator('.toast', { hasText: 'is lent to Ward 7' }).waitFor()
    await page.locator('.toast').getByRole('button', { name: 'Undo' }).click()
    await page.locator('.toast', { hasText: 'taken back' }).waitFor()
    wrong.push(...must((await page.getByRole('button', { name: 'It is back' }).count()) === 0, 'it is still lent'))
    return wrong
  },

  async 'say a fact and undo it, decide one, and see what was believed'(page, { picture }) {
    await go(page, '/devices')
    await page.locator('#devices tbody th a').first().click()
    const wrong = []
    await page.getByLabel('Say something else of it').selectOption('owner')
    await page.getByRole('button', { name: 'Go on' }).click()
    const say = page.locator('form[action="/facts/set"]')
    await say.getByLabel(/^Owner/).fill('Intensive care')
    await say.getByRole('button', { name: 'Say it' }).click()
    wrong.push(...must((await say.getByLabel(/^Reason/).evaluate((e) => e.validity.valueMissing)), 'no reason is asked for'))
    await say.getByLabel(/^Reason/).fill('inventory 2026')
    await say.getByRole('button', { name: 'Say it' }).click()
    await page.locator('.toast', { hasText: 'Owner: kept.' }).waitFor()
    wrong.push(...must(/Intensive care/.test(await page.locator('main').innerText()), 'what was said is not shown'))
    wrong.push(...(await looked(page, 'fact', picture)))
    await page.locator('.toast').getByRole('button', { name: 'Undo' }).click()
    await page.locator('.toast', { hasText: 'taken back' }).waitFor()
    await page.getByText('Nothing is known of this yet.').waitFor()
    wrong.push(...must(/Intensive care/.test(await page.locator('#ever').innerText()), 'what was taken back is forgotten'))
    const subject = new URL(page.url()).searchParams.get('subject')
    await go(page, `/facts?subject=${subject}&name=model`)
    const decide = page.locator('form[action="/facts/decide"]')
    await decide.getByLabel(/^Model/).fill('Monitor S9')
    await decide.getByLabel(/^Exception until/).fill('2099-12-31')
    await decide.getByLabel(/^Reason/).fill('the update is tested first')
    await decide.getByRole('button', { name: 'Decide it' }).click()
    await page.locator('.toast', { hasText: 'Model: kept.' }).waitFor()
    const counts = await page.locator('section', { hasText: 'What counts' }).first().innerText()
    wrong.push(...must(/S9/.test(counts) && /Decided/.test(counts) && /Observed: /.test(counts), `not told what speaks against it: ${counts}`))
    wrong.push(...(await looked(page, 'fact-decided', picture)))
    await page.getByRole('button', { name: 'Dismiss' }).click()
    await page.getByRole('button', { name: 'Undo change 1' }).click()
    await page.locator('.toast', { hasText: 'taken back' }).waitFor()
    await go(page, `/facts?subject=${subject}&known=2020-01-01`)
    await page.getByText('as it was believed on 2020-01-01').waitFor()
    wrong.push(...must((await page.locator('#facts').count()) === 0, 'something was known before the beginning'))
    wrong.push(...(await looked(page, 'facts-of-a-day', picture)))
    return wrong
  },

  async 'save a view of the register with columns of one’s own'(page, { picture }) {
    await go(page, '/devices')
    await page.getByText('Columns', { exact: true }).click()
    await page.getByRole('checkbox', { name: 'Owner' }).check()
    await page.getByRole('button', { name: 'Show these' }).click()
    await page.getByRole('columnheader', { name: 'Owner' }).waitFor()
    await page.getByRole('navigation', { name: 'Devices by state' }).getByRole('link', { name: /Online/ }).click()
    await page.getByText('Save this view').click() // it belongs to the account
    const wrong = await looked(page, 'register-save', picture)
    await page.getByLabel(/^Name of the view/).fill('Speaking')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.locator('.toast', { hasText: 'Speaking' }).waitFor()
    await go(page, '/devices')
    await page.getByRole('link', { name: 'Speaking' }).click()
    wrong.push(...must(/state=online/.test(page.url()), `the view leads to ${page.url()}`))
    wrong.push(...(await looked(page, 'register-view', picture)))
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV of these' }).click()])
    const head = readFileSync(await file.path(), 'utf8').split('\r\n')[0]
    wrong.push(...must(/^Id,Name,Maker,Model,.*Owner/.test(head), `the file begins ${head}`))
    await go(page, '/audit')
    await page.getByRole('button', { name: /^Columns:/ }).first().click()
    const choice = page.locator('.columns-choice:popover-open')
    const name = (await choice.locator('label').last().innerText()).trim()
    await choice.getByRole('checkbox').last().uncheck()
    wrong.push(...(await looked(page, 'columns-choice', picture)))
    await choice.getByRole('button', { name: 'Show these' }).click()
    wrong.push(...must(!(await page.getByRole('columnheader', { name, exact: true }).first().isVisible()), `the column ${name} is still shown`))
    await page.getByRole('button', { name: /^Columns:/ }).first().click()
    await choice.getByRole('button', { name: 'The usual ones' }).click()
    await page.getByRole('columnheader', { name, exact: true }).first().waitFor()
    await go(page, '/devices')
    await page.getByRole('button', { name: 'Remove the view Speaking' }).click()
    await page.locator('.toast', { hasText: 'removed' }).waitFor()
    return wrong
  },
}

/** What time has to pass for: these come last. */
export const patient = {
  async 'find why a bed is silent'(page, { picture }) {
    await go(page, '/live')
    await page.locator('.bed h2 a', { hasText: /9.*98/ }).click()
    await page.locator('main a[href^="/devices/dev-"]').first().click()
    const states = page.locator('#state')
    for (const begun = Date.now(); !/Silent/.test(await states.innerText()); await page.reload()) {
      if (Date.now() - begun > 150000) throw new Error(`not silent: ${await states.innerText()}`)
      await page.waitForTimeout(2000)
    }
    const why = await states.innerText()
    const wrong = must(/Last heard .* ago/.test(why) && /Silent means: nothing for/.test(why) && /Since/.test(why), `no why: ${why}`)
    wrong.push(...(await looked(page, 'silent', picture)))
    const device = new URL(page.url()).pathname
    await page.locator('#wire a[href^="/channels/"]').click()
    await page.getByText(/Listening|Running|Connected/).first().waitFor() // the channel is well: it is the device
    await go(page, '/tasks?kind=silent')
    wrong.push(...must((await page.locator(`#tasks a[href="${device}"]`).count()) + (await page.getByText('New', { exact: true }).count()) > 0, 'no task tells of it'))
    return wrong
  },
}
