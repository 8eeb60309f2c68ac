// The same as `send` with the size and shape of encrypted messages (1.2 KB).

import { encryptedMessage } from '../lib/content.mjs'
import { sending, parameters as sendParameters, quick as sendQuick } from './send.mjs'

export const parameters = { ...sendParameters, shapes: ['1x8', '1x32'] }
export const quick = { ...sendQuick, shapes: ['1x8'] }

export const run = sending('send-encrypted-like', encryptedMessage, 'm.room.encrypted')
