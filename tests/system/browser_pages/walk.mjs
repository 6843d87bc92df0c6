// Walks over our pages in Chromium with nothing but a keyboard, and looks at each with axe in both colour schemes, narrow
// and wide. What it is asked comes in a JSON file, whose name is the one argument; what it found goes to standard output.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';
import axe from 'axe-core';

const asked = JSON.parse(readFileSync(process.argv[2]));
const PASSWORD = 'seven herons over the quiet delta';
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const found = { pages: [], problems: [] };

const browser = await chromium.launch({ executablePath: asked.chromium, args: ['--no-sandbox'] });
const context = await browser.newContext();
await context.route('http://127.0.0.1:8765/**', (route) => route.fulfill({ body: 'came back' }));
const page = await context.newPage();
page.setDefaultTimeout(asked.deadline);
const protocol = await context.newCDPSession(page);
page.on('console', (message) => {
  if (/content security policy/i.test(message.text())) found.problems.push(message.text());
});
page.on('pageerror', (error) => found.problems.push(String(error)));

// Past the pages' policy, which lets no script in: it is what keeps axe out of `evaluate`.
async function run(expression) {
  const { result, exceptionDetails } = await protocol.send('Runtime.evaluate', {
    expression,
    awaitPromise: true,
    returnByValue: true,
  });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

async function look(name) {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [360, 1280]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      await run(axe.source);
      const options = JSON.stringify({ runOnly: RULES, resultTypes: ['violations'] });
      const violations = await run(
        `axe.run(document, ${options}).then(({ violations }) => violations.map((each) => each.id + ': ' + each.nodes[0].html))`,
      );
      const wide = await run('document.documentElement.scrollWidth > document.documentElement.clientWidth');
      await page.screenshot({ path: `${asked.pictures}/${name}-${colorScheme}-${width}.png`, fullPage: true });
      found.pages.push({ name, colorScheme, width, title: await page.title(), violations, wide });
    }
  }
}

const FOCUSED = `(() => {
  const it = document.activeElement;
  const style = getComputedStyle(it);
  return { name: (it.labels?.[0] ?? it).innerText?.trim() ?? '', ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 };
})()`;

async function reach(name) {
  for (let presses = 0; presses < 60; presses++) {
    const focused = await run(FOCUSED);
    if (focused.name === name) {
      if (!focused.ring) found.problems.push(`${await page.title()}: no ring around ${name}`);
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`${page.url()}: no key leads to ${name}`);
}

async function fill(label, text) {
  await reach(label);
  await page.keyboard.press('Control+A');
  await page.keyboard.type(text);
}

async function press(name) {
  await reach(name);
  await Promise.all([page.waitForEvent('framenavigated'), page.keyboard.press('Enter')]);
  await page.waitForLoadState();
}

const open = (path) => page.goto(new URL(path, asked.site).href);
const arrive = (title) => page.waitForFunction((wanted) => document.title.startsWith(wanted), title, { polling: 100 });

function code(secret) {
  const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'));
  const key = Buffer.from(bits.join('').match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
  const digest = createHmac('sha1', key).update(step).digest();
  const number = digest.readUInt32BE(digest.at(-1) & 15) & 0x7fffffff;
  return String(number % 1000000).padStart(6, '0');
}

async function choosePassword() {
  await open(asked.invitation);
  await look('invitation');
  await fill('New password', PASSWORD);
  await fill('The same again', PASSWORD);
  await press('Set password');
  await look('password-set');
}

async function firstLogin() {
  await open('/login');
  await look('login');
  await fill('User name', 'demo1');
  await fill('Password', 'not the one');
  await press('Log in');
  await look('login-refused');
  await fill('User name', 'demo1');
  await fill('Password', PASSWORD);
  await press('Log in');
  await look('set-up');
  const secret = (await page.locator('main code').innerText()).replaceAll(' ', '');
  await fill('Code that the app shows', code(secret));
  await press('Set up');
  await look('recovery-codes');
  const codes = await page.locator('.codes code').allInnerTexts();
  await open('/account');
  await look('account');
  await open('/logout');
  await look('logout');
  await press('Log out');
  await arrive('You are logged out');
  await look('logged-out');
  return codes;
}

async function loginWithRecoveryCode(recovery) {
  await open('/login');
  await fill('User name', 'demo1');
  await fill('Password', PASSWORD);
  await press('Log in');
  await look('second-factor');
  await press('Use a recovery code instead');
  await look('recovery-code');
  await fill('One of your recovery codes', 'aaaaa-bbbbb');
  await press('Go on');
  await look('recovery-code-refused');
  await fill('One of your recovery codes', recovery);
  await press('Go on');
  await arrive('Your account');
}

async function allow() {
  await open(asked.authorize);
  await look('consent');
  await press('Allow');
  await page.waitForURL('http://127.0.0.1:8765/**');
  found.back = page.url();
  await open(asked.broken);
  await look('request-refused');
  await open('/account/applications');
  await look('allowed');
}

async function device() {
  await open('/oauth2/device');
  await look('device');
  await fill('Code that your device shows', 'AAAA-BBBB');
  await press('Go on');
  await look('device-refused');
  await fill('Code that your device shows', asked.user_code);
  await press('Go on');
  await look('device-confirm');
  await press('Allow');
  await look('device-done');
}

try {
  await choosePassword();
  const [recovery] = await firstLogin();
  await loginWithRecoveryCode(recovery);
  await allow();
  await device();
  await context.clearCookies();
  await open('/login/with/away');
  await look('provider-away');
} catch (error) {
  found.problems.push(String(error.stack));
} finally {
  await browser.close();
}
console.log(JSON.stringify(found));
