import Type from 'typebox'

// The obvious `Type.String()` becomes the pattern `^.*$`, which lets what stands under names with line breaks through unchecked.
const anyText = Type.String({ pattern: '^[^]*$' })

/** A JSON object with any names, each with a value of this kind. */
export const mapOf = <Value extends Type.TSchema>(value: Value) => Type.Record(anyText, value)

/** Any JSON object. */
export const anyObject = mapOf(Type.Unknown())
