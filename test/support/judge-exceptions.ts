/** Where the official description is wrong or says less than the specification's text. Each entry says why. */
export const exceptions = {
  /**
   * Operations whose text says that they use user-interactive authentication, but whose description does not list the 401 of it.
   */
  interactive: new Set(['uploadCrossSigningKeys']),
  /**
   * Downloads without authentication: a server may freeze them, and this one has from its first day, so that success is what must not happen.
   * They are done when their refusal is as described. Source: client-server API, "Content repository".
   */
  frozen: new Set(['getContent', 'getContentOverrideName', 'getContentThumbnail']),
  /** Statuses that an operation answers with though it does not list them. */
  statuses: {} as Readonly<Record<string, readonly number[]>>,
}
