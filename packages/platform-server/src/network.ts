import { z } from 'zod'

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. Not everybody (`/0`): whoever may say where he comes from may say anything. */
export const Network = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()]).refine((text) => !/\/0+$/.test(text))
