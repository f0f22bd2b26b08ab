// A key that is made here and goes nowhere: the request to have it certified (PKCS #10, RFC 2986), in DER and PEM. It has the
// public key and a signature by the private one, and nothing else that is looked at.

const octets = (...parts) => parts.flatMap((part) => [...part]);

/** One element of DER (X.690): its tag, the length of what is in it, and that. */
function element(tag, ...parts) {
  const content = octets(...parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return [tag, ...size, ...content];
}
const sequence = (...parts) => element(0x30, ...parts);

/** A positive number of fixed size, as DER has it: no zeros before it but the one that keeps it positive. */
function integer(bytes) {
  const first = bytes.findIndex((one) => one !== 0);
  const digits = first < 0 ? [0] : [...bytes.slice(first)];
  return element(0x02, digits[0] & 0x80 ? [0, ...digits] : digits);
}

const COMMON_NAME = element(0x06, [0x55, 0x04, 0x03]);
const ECDSA_WITH_SHA256 = sequence(element(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));

/** PEM of RFC 7468: 64 letters a line. */
function pem(label, bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return [`-----BEGIN ${label}-----`, ...text.match(/.{1,64}/g), `-----END ${label}-----`, ''].join('\n');
}

/** Makes a key of P-256; gives it as PEM (PKCS #8) with the request to certify it. */
export async function makeKey() {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const [secret, open] = await Promise.all([crypto.subtle.exportKey('pkcs8', pair.privateKey), crypto.subtle.exportKey('spki', pair.publicKey)]);
  // The issuer takes nothing but the key: names are its own to say.
  const name = sequence(element(0x31, sequence(COMMON_NAME, element(0x0c, new TextEncoder().encode('patchbay')))));
  const info = sequence(element(0x02, [0]), name, new Uint8Array(open), element(0xa0));
  const signed = new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, new Uint8Array(info)));
  const signature = sequence(integer(signed.slice(0, 32)), integer(signed.slice(32)));
  return {
    key: pem('PRIVATE KEY', secret),
    request: pem('CERTIFICATE REQUEST', sequence(info, ECDSA_WITH_SHA256, element(0x03, [0], signature))),
  };
}
