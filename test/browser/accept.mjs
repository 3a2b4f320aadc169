// What IT security comes to the console for: four people accept a model, each
// with an account of their own.
import { readFileSync } from 'node:fs'
import { origin } from './browser.mjs'
import { accessible, fits } from './check.mjs'

const go = (page, path) => page.goto(origin + path)
const must = (is, text) => (is ? [] : [text])
const password = 'correct-horse-W3-battery'
const form = readFileSync(new URL('../../internal/imports/mds2/testdata/whole/form.csv', import.meta.url))

/** Makes an account with one role and signs in with it, in a browser of its own. */
async function person(page, open, name, role) {
  await go(page, '/people')
  await page.locator('summary', { hasText: 'Make an account' }).click()
  const make = page.locator('form[action="/people/add"]')
  await make.getByLabel(/^Name to sign in with/).fill(name)
  await make.locator(`input[name=roles][value="${role}"]`).check()
  await make.getByLabel(/^Password/).fill(password)
  await make.getByLabel('The same again').fill(password)
  await make.getByLabel(/^Reason/).fill('signs what may be used')
  await make.getByRole('button', { name: 'Make the account' }).click()
  await page.locator('.toast').waitFor()
  const theirs = await open({}, { stranger: true })
  await go(theirs.page, '/sign-in')
  await theirs.page.getByLabel('Name', { exact: false }).first().fill(name)
  await theirs.page.locator('input[type=password]').first().fill(password)
  await theirs.page.getByRole('button', { name: 'Sign in' }).click()
  await theirs.page.waitForURL((url) => url.pathname !== '/sign-in')
  return theirs
}

/** What a page that only an act leads to must be like. */
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

export const errands = {
  async 'accept a model with four sign-offs'(page, { open, picture }) {
    const wrong = []
    const people = []
    try {
      for (const [name, role] of [['bo', 'biomed'], ['ida', 'it'], ['sam', 'security'], ['cleo', 'clinical']]) {
        people.push({ role, ...(await person(page, open, name, role)) })
      }
      const bo = people[0].page
      await go(bo, '/acceptances')
      await bo.getByLabel(/^Of what/).selectOption({ index: 0 })
      await bo.locator('#begin').getByLabel(/^Reason/).fill('bought for the ICU')
      await bo.getByRole('button', { name: 'Begin', exact: true }).click()
      await bo.locator('.toast', { hasText: 'begun' }).waitFor()
      await bo.locator('#f-file').setInputFiles({ name: 'MDS2.csv', mimeType: 'text/csv', buffer: form })
      await bo.getByRole('button', { name: 'Import' }).click()
      await bo.locator('.toast', { hasText: '240 statements' }).waitFor()
      const left = bo.locator('article', { has: bo.locator('.badge', { hasText: 'Not answered' }) }).first()
      await left.locator('summary', { hasText: 'Answer' }).click()
      await left.getByLabel(/^Answer/).selectOption('yes')
      await left.getByLabel(/^In words/).fill('until 2031, as its maker announced')
      await left.getByLabel(/a document/).fill('Roadmap 2026, page 2')
      await left.getByRole('button', { name: 'Keep the answer' }).click()
      await bo.locator('.toast', { hasText: 'kept' }).waitFor()
      wrong.push(...must((await bo.getByRole('button', { name: /^Sign for/ }).count()) === 1, 'one role, and not one button to sign'))
      wrong.push(...(await looked(bo, 'acceptance-answered', picture)))
      const at = new URL(bo.url()).pathname
      for (const one of people) {
        await go(one.page, at)
        await one.page.getByLabel('Note beside the signature').fill('read and agreed')
        await one.page.getByRole('button', { name: /^Sign for/ }).click()
        await one.page.locator('.toast', { hasText: 'Signed' }).waitFor()
        wrong.push(...must((await one.page.getByRole('button', { name: /^Sign for/ }).count()) === 0, `${one.role} may sign twice`))
      }
      await go(page, at)
      await page.locator('.badge', { hasText: 'Accepted' }).first().waitFor()
      wrong.push(...must((await page.locator('#signed tbody tr').count()) === 4, 'there are not four signatures'))
      wrong.push(...(await looked(page, 'acceptance-accepted', picture)))
      await go(page, '/acceptances')
      wrong.push(...(await looked(page, 'acceptances', picture)))
    } finally {
      for (const one of people) await one.close()
    }
    return wrong
  },
}
