export function textMessage(index: number | string): { readonly msgtype: 'm.text'; readonly body: string }
