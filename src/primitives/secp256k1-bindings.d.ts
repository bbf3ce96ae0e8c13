/** The part of the npm package `secp256k1` 5 that is used here; it ships no types. `bindings.js` is its native half. */
declare module 'secp256k1/bindings.js' {
  interface Bindings {
    /** @returns 64 bytes r ‖ s with s in the lower half, nonce by RFC 6979. @throws Error on an invalid private key. */
    ecdsaSign(message: Uint8Array, privateKey: Uint8Array): { signature: Uint8Array; recid: number }
    /** @returns `output`. @throws Error when r or s is zero or not below the order, or when there is no such point. */
    ecdsaRecover(
      signature: Uint8Array,
      recid: number,
      message: Uint8Array,
      compressed: boolean,
      output: Uint8Array,
    ): Uint8Array
    /** @throws Error on an invalid private key. */
    publicKeyCreate(privateKey: Uint8Array, compressed: boolean): Uint8Array
  }
  const bindings: Bindings
  export default bindings
}
