/** The name of an order, the same for both sides: `ord_` and half of the hash of its document in hex. It never goes to the platform. */
export function toOrderId(documentHash: string): string {
  return `ord_${Buffer.from(documentHash, 'base64url').toString('hex', 0, 16)}`
}
