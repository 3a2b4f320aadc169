// The browser the tests look with: Debian's Chromium, driven by
// playwright-core. Every view is a context of its own, so that nothing is
// cached and one theme does not leak into the next.
import { peer, run } from '../peers/load.mjs'

const { chromium } = peer('playwright-core')

const browser = await chromium.launch({
  executablePath: run.chromium,
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update', '--no-first-run', '--force-color-profile=srgb', '--font-render-hinting=none'],
})

/** The address of the console, without a path. */
export const origin = new URL(run.url).origin

/** How the console is looked at. */
export const views = [
  { name: 'light-1280', colorScheme: 'light', viewport: { width: 1280, height: 800 }, whole: true },
  { name: 'dark-1280', colorScheme: 'dark', viewport: { width: 1280, height: 800 }, colours: true },
  { name: 'light-320', colorScheme: 'light', viewport: { width: 320, height: 640 }, narrow: true },
]

let session

/** Signs in through the link that works once. */
export async function signIn() {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  await page.goto(run.url)
  await page.waitForURL((url) => url.pathname !== '/sign-in', { timeout: 30000 })
  session = await context.storageState()
  await context.close()
}

/** A context with its one page; signed in unless told otherwise. */
export async function open(view, options = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    storageState: options.stranger ? undefined : session,
    colorScheme: view.colorScheme ?? 'light',
    viewport: view.viewport ?? { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    reducedMotion: options.still ? 'reduce' : 'no-preference',
    javaScriptEnabled: options.script !== false,
  })
  context.setDefaultTimeout(30000) // a loaded machine with two processors is slow
  const page = await context.newPage()
  return { context, page, close: () => context.close() }
}

export const close = () => browser.close()
