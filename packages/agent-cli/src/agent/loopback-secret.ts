export { loopbackSecret } from '../private/loopback-secret.ts'
