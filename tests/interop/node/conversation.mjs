// How a script talks with the test: it reads what it is (JSON) from its argument, prints a line for each thing that the
// person's browser is to do, reads a line with the outcome, and last prints what it learnt.

import { createInterface } from 'node:readline'

export const app = JSON.parse(process.argv[2])
export const url = app.redirect_uri

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

async function ask(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`)
  return JSON.parse((await lines.next()).value)
}

// Sends the browser there. What came back: an address, or the request that a page posted (form_post).
export async function through_the_browser(address) {
  const answer = await ask({ authorize: address.href ?? address })
  if (!answer.form) return new URL(answer.address)
  return new Request(answer.address, { method: 'POST', body: new URLSearchParams(answer.form) })
}

export const at_the_device = (device) => ask({ device })

export async function tell(features) {
  const learnt = await features[app.feature]()
  process.stdout.write(`${JSON.stringify({ learnt })}\n`, () => process.exit(0))
}

export async function private_key(jwk, algorithm, usage) {
  const { kid, alg, use, ...key } = jwk
  return { key: await crypto.subtle.importKey('jwk', key, algorithm, false, [usage]), kid }
}
