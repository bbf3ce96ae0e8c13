/** The libp2p peer id that follows from a network key: what the addresses of a node end in. */

/** @param seed 32 bytes. Loads a part of libp2p. */
export async function peerIdOf(seed: Uint8Array): Promise<string> {
  const { generateKeyPairFromSeed } = await import('@libp2p/crypto/keys')
  const { publicKey } = await generateKeyPairFromSeed('Ed25519', seed)
  // The text of an ed25519 public key is its peer id (libp2p peer-ids specification).
  return publicKey.toString()
}
