import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { roomVersions } from '../matrix/room-versions.ts'

export interface ServerInfo {
  readonly defaultRoomVersion: string
  /** Where clients reach the server, for `.well-known`; undefined: they know already. */
  readonly publicUrl: string | undefined
  /** `host:port` where other servers reach the server, for `.well-known`; undefined: under its name. */
  readonly federationAddress: string | undefined
}

/** The versions of the specification whose behaviour this server has; without gaps. */
const versions = ['v1.1', 'v1.2', 'v1.3', 'v1.4', 'v1.5', 'v1.6', 'v1.7', 'v1.8', 'v1.9', 'v1.10', 'v1.11', 'v1.12']

/** What clients ask first: versions, capabilities and discovery. */
export function serverInfoEndpoints({ defaultRoomVersion, publicUrl, federationAddress }: ServerInfo): Endpoint[] {
  const discovery = endpoint({
    method: 'GET',
    path: '/.well-known/matrix/client',
    auth: 'none',
    handle: () => ({ 'm.homeserver': { base_url: publicUrl } }),
  })
  // Source: server-server API, "Resolving server names".
  const delegation = endpoint({
    method: 'GET',
    path: '/.well-known/matrix/server',
    auth: 'none',
    handle: () => ({ 'm.server': federationAddress }),
  })
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/client/versions',
      auth: 'none',
      handle: () => ({ versions, unstable_features: {} }),
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/capabilities',
      auth: 'session',
      rateLimit: { name: 'capabilities', by: 'user', burst: 20, perSecond: 1 },
      handle: () => ({
        capabilities: {
          'm.room_versions': {
            default: defaultRoomVersion,
            available: Object.fromEntries([...roomVersions.values()].map(({ id, stability }) => [id, stability])),
          },
          'm.change_password': { enabled: true },
          'm.set_displayname': { enabled: true },
          'm.set_avatar_url': { enabled: true },
          'm.profile_fields': { enabled: true },
          'm.3pid_changes': { enabled: false },
          'm.get_login_token': { enabled: false },
        },
      }),
    }),
    ...(publicUrl === undefined ? [] : [discovery]),
    ...(federationAddress === undefined ? [] : [delegation]),
  ]
}
