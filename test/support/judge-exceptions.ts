const downloads = [206, 304, 416]

/** Where the official description is wrong or says less than the specification's text, by operation (`GET /path`). Each entry says why. */
export const exceptions = {
  /** The text says that these use user-interactive authentication, but the description does not list the 401 of it. */
  interactive: new Set(['POST /_matrix/client/v3/keys/device_signing/upload']),
  /**
   * Downloads without authentication: a server may freeze them, and this one has from its first day, so that success is what must not happen.
   * They are done when their refusal is as described. Source: client-server API, "Content repository".
   */
  frozen: new Set([
    'GET /_matrix/media/v3/download/{serverName}/{mediaId}',
    'GET /_matrix/media/v3/download/{serverName}/{mediaId}/{fileName}',
    'GET /_matrix/media/v3/thumbnail/{serverName}/{mediaId}',
  ]),
  /** The event that was invited with is answered as it was sent, and the format of no room version asks for `origin`. */
  withoutOrigin: new Set([
    'PUT /_matrix/federation/v1/invite/{roomId}/{eventId}',
    'PUT /_matrix/federation/v2/invite/{roomId}/{eventId}',
  ]),
  /** What HTTP itself knows of downloads: a part, not modified, no such part. Source: RFC 9110, sections 13 and 14. */
  statuses: new Map([
    ['GET /_matrix/client/v1/media/download/{serverName}/{mediaId}', downloads],
    ['GET /_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName}', downloads],
    ['GET /_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}', downloads],
  ]),
}
