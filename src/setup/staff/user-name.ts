const spelledOut: Readonly<Record<string, string>> = {
  ä: 'ae',
  ö: 'oe',
  ü: 'ue',
  ß: 'ss',
  ø: 'oe',
  æ: 'ae',
  å: 'aa',
  ł: 'l',
  đ: 'd',
}
const titles = /^(dr|prof|dipl|med|dent|vet|ing|mag|bsc|msc|frau|herr|mr|mrs|ms|fr|hr)$/

/** A user name made of a person's name: `Dr. Jörg Müller-Lüdenscheidt` becomes `joerg.mueller-luedenscheidt`. */
export function userNameFor(name: string): string {
  const plain = [...name.toLowerCase().normalize('NFC')].map((letter) => spelledOut[letter] ?? letter).join('')
  const words = plain
    .normalize('NFD')
    .replaceAll(/\p{M}/gu, '')
    .split(/[^a-z0-9-]+/)
    .map((word) => word.replaceAll(/^-+|-+$/g, ''))
    .filter((word) => word !== '')
  const significant = words.filter((word) => !titles.test(word))
  return (significant.length > 0 ? significant : words).join('.').slice(0, 60) || 'team'
}
