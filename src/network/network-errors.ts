/** Why a transport cannot start. Each message says what to do about it. */
import { AevirError } from '../primitives/errors.ts'

export abstract class NetworkError extends AevirError {}

export class PortBusyError extends NetworkError {
  override readonly code = 'NETWORK_PORT_BUSY'
  constructor(address: string, options: ErrorOptions) {
    super(
      `cannot listen on ${address}: another program uses the port; stop it or configure another address`,
      options,
    )
  }
}

export class ListenError extends NetworkError {
  override readonly code = 'NETWORK_CANNOT_LISTEN'
  constructor(address: string, options: ErrorOptions) {
    super(`cannot listen on ${address}: check that it is an address of this machine`, options)
  }
}

export class AddressError extends NetworkError {
  override readonly code = 'NETWORK_ADDRESS'
  constructor(address: string) {
    super(`${address} is no address: expected a multiaddr such as /ip4/192.0.2.1/tcp/30303`)
  }
}
