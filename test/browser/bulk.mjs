// An inventory of another system taken in, as somebody does it who has a file
// and little time: look, mend, begin, watch, take back. And one thing said of
// many devices at once.
import { readFileSync } from 'node:fs'
import { origin } from './browser.mjs'
import { accessible, fits } from './check.mjs'

const go = (page, path) => page.goto(origin + path)
const must = (is, text) => (is ? [] : [text])

/** A page that only an act leads to, at every width that people have. */
async function looked(page, name, picture, wide = false) {
  await page.evaluate(() => { document.activeElement?.blur(); scrollTo(0, 0) })
  const wrong = await accessible(page)
  await picture(page, `${name}-light-1280`)
  await page.emulateMedia({ colorScheme: 'dark' })
  await picture(page, `${name}-dark-1280`)
  wrong.push(...(await accessible(page, true)))
  await page.emulateMedia({ colorScheme: 'light' })
  for (const [width, height] of wide ? [[320, 640], [768, 1024], [1920, 1080], [3840, 2160]] : [[320, 640]]) {
    await page.setViewportSize({ width, height })
    wrong.push(...(await fits(page)).map((w) => `${width} px: ${w}`))
    if (width === 320 || width === 3840) await picture(page, `${name}-light-${width}`, width === 320)
  }
  await page.setViewportSize({ width: 1280, height: 800 })
  return wrong.map((w) => `${name}: ${w}`)
}

/** 200 monitors as Snipe-IT exports them, and with columns of one's own. Three
 * rows are wrong: no number at all, a day that is none, a serial number twice. */
function table() {
  const rows = ['Asset Tag;Manufacturer;Model;Serial;Purchase Date;Status;Stand;Betreuer']
  for (let i = 1; i <= 200; i++) {
    const n = String(i).padStart(3, '0')
    let serial = `BR-${n}`, tag = `INV-7${n}`, bought = `2024-0${(i % 9) + 1}-15`
    if (i === 40) serial = tag = ''
    if (i === 90) bought = '31.02.2024'
    if (i === 150) serial = 'BR-149'
    rows.push([tag, 'Acme', 'VM-200', serial, bought, 'Deployed', `ICU^${(i % 12) + 1}^${i}`, 'Nele W.'].join(';'))
  }
  return rows.join('\r\n') + '\r\n'
}

/** Waits until the job on the page is at its end. */
async function atEnd(page) {
  await page.locator('.job-bar', { hasText: /Done|Failed|Stopped/ }).waitFor({ timeout: 60000 })
  const said = await page.locator('.job-bar').innerText()
  if (!/Done/.test(said)) throw new Error(`the job is at its end as: ${said}`)
}

const rows = async (page, outcome) => Number(await page.locator('.stat', { has: page.locator('dt', { hasText: new RegExp(`^${outcome}$`) }) }).locator('dd').first().evaluate((dd) => dd.firstChild.textContent.replace(/\D/g, '')))

export const errands = {
  async 'import 200 devices with three faulty rows, mend the mapping, begin, undo'(page, { picture }) {
    await go(page, '/import')
    await page.getByRole('button', { name: 'Check the table' }).click()
    await page.getByText('choose a file, or paste a table').first().waitFor()
    const wrong = await looked(page, 'import-nothing', picture)
    await page.getByLabel(/^File/).setInputFiles({ name: 'inventory.csv', mimeType: 'text/csv', buffer: Buffer.from(table()) })
    await page.getByRole('button', { name: 'Check the table' }).click()
    await page.getByRole('heading', { name: 'Import: inventory.csv' }).waitFor()
    const tells = (column) => page.getByLabel(`What ${column} tells`)
    wrong.push(...must((await tells('Serial').inputValue()) === 'serial' && (await tells('Asset Tag').inputValue()) === 'asset', 'Serial and Asset Tag were not understood'))
    wrong.push(...must((await tells('Stand').inputValue()) === '' && (await tells('Betreuer').inputValue()) === '', 'what nobody can know was guessed'))
    wrong.push(...must((await rows(page, 'With problems')) === 3 && (await rows(page, 'New')) === 197, `${await rows(page, 'New')} new, ${await rows(page, 'With problems')} wrong`))
    wrong.push(...(await looked(page, 'import-draft', picture, true)))
    const said = await page.locator('#problem-rows').innerText()
    wrong.push(...must(/41\s.*names the device/.test(said) && /91\sPurchase Date\s31\.02\.2024/.test(said) && /151\s.*serial number than row 150/.test(said), `problems: ${said}`))
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'All problems as CSV' }).click()])
    const lines = readFileSync(await file.path(), 'utf8').trim().split('\r\n')
    wrong.push(...must(lines.length === 4 && lines[0] === 'Row,Column,What stands there,What was expected', `the file of problems: ${lines.join(' | ')}`))

    // Two columns tell the same: said, and nothing can begin.
    await tells('Betreuer').selectOption('serial')
    await page.getByRole('button', { name: 'Check again' }).click()
    await page.getByText(/two columns tell serial/).waitFor()
    wrong.push(...must((await page.getByRole('button', { name: /^Import \d+ rows/ }).count()) === 0, 'a mapping that contradicts itself can be begun'))
    await tells('Betreuer').selectOption('custodian')
    await tells('Stand').selectOption('place')
    await tells('Purchase Date').selectOption('')
    await page.getByRole('button', { name: 'Check again' }).click()
    await page.getByText('2 problems, in the order of the rows').waitFor()
    const steps = await page.locator('#steps').innerText()
    wrong.push(...must(/Responsible\s*Nele W\./.test(steps) && /Place/.test(steps), `the steps: ${steps.slice(0, 200)}`))

    // Nothing was written so far; with problems it begins only when told so.
    await page.getByLabel(/^Reason/).fill('stocktaking 2026')
    await page.getByRole('button', { name: /^Import 198 rows/ }).click()
    await page.getByText(/rows with problems: 2/).first().waitFor()
    await page.getByLabel('Leave out the 2 rows with problems').check()
    await page.getByLabel(/^Reason/).fill('stocktaking 2026')
    await page.getByRole('button', { name: /^Import 198 rows/ }).click()
    await page.waitForURL(/\/jobs\/job-/)
    await atEnd(page)
    wrong.push(...must(/200 of 200 rows/.test(await page.locator('.job-bar').innerText()), await page.locator('.job-bar').innerText()))
    wrong.push(...(await looked(page, 'import-done', picture)))
    await page.getByRole('link', { name: /^With problems 2/ }).click()
    wrong.push(...must((await page.locator('#log tbody tr').count()) === 2, 'the log does not show what was left out'))
    await go(page, '/devices?fact=custodian%3DNele+W.')
    await page.locator('#devices tbody tr').first().waitFor()
    await go(page, '/devices?text=BR-007')
    wrong.push(...must((await page.locator('#devices tbody tr').count()) === 1, 'BR-007 is not in the register'))

    await go(page, '/import')
    await page.locator('#before tbody th a').first().click()
    await page.locator('summary', { hasText: 'Take it back' }).click()
    await page.locator('details[open]').getByLabel(/^Reason/).fill('the wrong file')
    await page.locator('details[open]').getByRole('button', { name: 'Take it back' }).click()
    await page.getByRole('heading', { name: 'Undo: inventory.csv' }).waitFor()
    await atEnd(page)
    wrong.push(...must(/Removed 198/.test(await page.locator('main').innerText()), 'the devices are still there'))
    wrong.push(...(await looked(page, 'import-undone', picture)))
    await go(page, '/devices?text=BR-007')
    await page.getByText('No device is like that').waitFor()
    return wrong
  },

  async 'paste a table, choose which devices its doubtful rows are'(page, { picture }) {
    const paste = async (text) => {
      await go(page, '/import')
      await page.getByLabel(/^Or paste a table/).fill(text)
      await page.getByRole('button', { name: 'Check the table' }).click()
    }
    await paste('Serial\tMaker\tModel\nKNOWN-1\tAcme\tVM-200\n')
    await page.getByLabel(/^Reason/).fill('one that is known')
    await page.getByRole('button', { name: 'Import 1 row' }).click()
    await atEnd(page)
    const wrong = []
    await paste('Serial\tOwner\nKNOWN-1\tClinic A\nPASTED-1\tClinic A\n') // the number alone: makers number on their own
    await page.getByText('1 row may be a known one: choose').waitFor()
    wrong.push(...(await looked(page, 'import-doubtful', picture)))
    await page.getByLabel('Which one row 2 is').selectOption({ index: 1 })
    await page.getByRole('button', { name: 'Keep the choice' }).click()
    await page.getByText('because of: your choice').waitFor()
    await page.getByRole('button', { name: 'Choose 1 row again' }).click()
    await page.getByText('1 row may be a known one: choose').waitFor()
    await page.getByRole('button', { name: 'Discard the draft' }).click()
    await page.locator('.toast', { hasText: 'nothing was written' }).waitFor()
    return wrong
  },

  async 'say one thing of all devices of a filter, and take it back'(page, { picture }) {
    await go(page, '/devices?text=Monitor')
    await page.getByRole('link', { name: 'Edit these' }).click()
    await page.getByLabel('What is said').selectOption('department')
    await page.getByLabel(/^It is from now on/).fill('Intensive care')
    await page.getByRole('button', { name: 'Count' }).click()
    await page.locator('#sample').waitFor()
    const wrong = await looked(page, 'edit-counted', picture)
    await page.getByLabel(/^Reason/).fill('the ward has another name')
    await page.getByRole('button', { name: /^Change \d+ devices/ }).click()
    await page.waitForURL(/\/jobs\/job-/)
    await atEnd(page)
    await page.locator('summary', { hasText: 'Take it back' }).click()
    await page.locator('details[open]').getByLabel(/^Reason/).fill('the ward keeps its name')
    await page.locator('details[open]').getByRole('button', { name: 'Take it back' }).click()
    await page.getByRole('heading', { name: 'Undo' }).first().waitFor()
    await atEnd(page)
    await go(page, '/devices?fact=department%3DIntensive+care')
    await page.getByText('No device is like that').waitFor()
    await go(page, '/jobs')
    wrong.push(...must((await page.locator('#jobs tbody tr', { hasText: 'Done, and taken back' }).count()) > 0, 'the list does not say what was taken back'))
    return wrong
  },
}
