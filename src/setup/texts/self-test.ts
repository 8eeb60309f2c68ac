import type { Pair } from '../texts.ts'

/** One sentence for each thing that the self-test can find, with what to do about it. */
export const selfTestTexts = {
  'selfTest.title': { de: 'Selbsttest', en: 'Self-test' },
  'selfTest.intro': {
    de: 'Der Hausbote sieht nach, ob ihn Apps und andere Praxen erreichen, ob Uhr, Zertifikat, Speicher und Sicherung stimmen. Das dauert bis zu einer halben Minute.',
    en: 'Hausbote looks whether apps and other practices reach it, and whether clock, certificate, disk and backup are right. This takes up to half a minute.',
  },
  'selfTest.begin': { de: 'Jetzt prüfen', en: 'Check now' },
  'selfTest.report': { de: 'Bericht für den Techniker', en: 'Report for the technician' },
  'selfTest.reportText': {
    de: 'Diesen Text können Sie Ihrem Techniker schicken.',
    en: 'You can send this text to your technician.',
  },

  'check.dns': { de: 'Name im Internet', en: 'Name on the internet' },
  'check.ipv6': { de: 'Neue Internetadressen (IPv6)', en: 'New internet addresses (IPv6)' },
  'check.address-translation': { de: 'Weg von außen', en: 'Way in from outside' },
  'check.srv': { de: 'Wegweiser für andere Server', en: 'Signpost for other servers' },
  'check.well-known-server': { de: 'Wegweiser auf der Webseite', en: 'Signpost on the web site' },
  'check.federation': { de: 'Andere Praxen erreichen Sie', en: 'Other practices reach you' },
  'check.well-known-client': { de: 'Apps finden Sie', en: 'Apps find you' },
  'check.client': { de: 'Apps erreichen Sie', en: 'Apps reach you' },
  'check.certificate': { de: 'Zertifikat', en: 'Certificate' },
  'check.clock': { de: 'Uhr', en: 'Clock' },
  'check.push-gateways': { de: 'Hinweise auf Telefonen', en: 'Notifications on phones' },
  'check.disk': { de: 'Speicher', en: 'Disk' },
  'check.backup': { de: 'Sicherung', en: 'Backup' },
  'check.fine': { de: 'In Ordnung.', en: 'Fine.' },
  'check.look': {
    de: 'Hier stimmt etwas nicht; der Bericht unten sagt Ihrem Techniker, was.',
    en: 'Something is wrong here; the report below tells your technician what.',
  },

  'found.dns.no-answer': {
    de: 'Niemand gibt Auskunft über {name}. Besteht eine Verbindung zum Internet?',
    en: 'Nobody answers about {name}. Is there a connection to the internet?',
  },
  'found.dns.no-address': {
    de: 'Für {name} ist keine Adresse eingetragen. Tragen Sie beim Anbieter der Domain die öffentliche Adresse ein.',
    en: 'There is no address for {name}. Enter the public address at the provider of the domain.',
  },
  'found.dns.internal-only': {
    de: '{name} führt von hier aus nur ins eigene Netz. Andere müssen die öffentliche Adresse sehen.',
    en: 'Seen from here {name} leads into the own network only. Others must see the public address.',
  },
  'found.ipv6.promised-only': {
    de: 'Eingetragen ist eine neue Adresse (AAAA), die dieses Gerät nicht hat. Entfernen Sie den Eintrag.',
    en: 'A new address (AAAA) is entered that this box does not have. Remove that record.',
  },
  'found.address-translation.carrier': {
    de: 'Ihr Internetanschluss teilt sich die Adresse mit anderen; von außen kommt niemand herein. Bitten Sie den Anbieter um eine eigene öffentliche Adresse.',
    en: 'Your connection shares its address with others; nobody can come in from outside. Ask the provider for a public address of your own.',
  },
  'found.address-translation.router': {
    de: 'Hinter einem Router: Er muss die Anschlüsse weiterleiten.',
    en: 'Behind a router: it must pass on the ports.',
  },
  'found.srv.nowhere': {
    de: 'Ein Eintrag im Internet sagt, dass es hier keinen Server gibt. Entfernen Sie ihn.',
    en: 'A record on the internet says that there is no server here. Remove it.',
  },
  'found.federation.other-key': {
    de: 'Unter Ihrem Namen antwortet ein anderes Gerät. Ist das alte noch an?',
    en: 'Another box answers under your name. Is the old one still on?',
  },
  'found.client.not-encrypted': { de: 'Die Adresse ist nicht verschlüsselt.', en: 'The address is not encrypted.' },
  'found.client.no-cors': {
    de: 'Der Server davor lässt Browser nicht durch. Er darf die Antworten nicht verändern.',
    en: 'The server in front does not let browsers through. It must not change the answers.',
  },
  'found.well-known-client.no-cors': {
    de: 'Der Wegweiser lässt Browser nicht durch (Access-Control-Allow-Origin fehlt).',
    en: 'The signpost does not let browsers through (Access-Control-Allow-Origin is missing).',
  },
  'found.well-known-client.other-server': {
    de: 'Der Wegweiser zeigt auf {url} statt auf {expected}.',
    en: 'The signpost points to {url} instead of {expected}.',
  },
  'found.certificate.run-out': { de: 'Es ist abgelaufen. Holen Sie ein neues.', en: 'It has run out. Get a new one.' },
  'found.certificate.self-signed': {
    de: 'Das Gerät hat es sich selbst ausgestellt; niemand vertraut ihm.',
    en: 'The box made it for itself; nobody trusts it.',
  },
  'found.certificate.other-name': { de: 'Es gilt nicht für {name}.', en: 'It is not for {name}.' },
  'found.certificate.soon': { de: 'Es läuft in {days} Tagen ab.', en: 'It runs out in {days} days.' },
  'found.clock.partners': {
    de: 'Sie geht um {aheadSeconds} Sekunden falsch. Bis sie gestellt ist, wird nichts verschickt.',
    en: 'It is wrong by {aheadSeconds} seconds. Nothing is sent until it is set.',
  },
  'found.clock.certificates': {
    de: 'Sie geht falsch. Bis sie gestellt ist, wird nichts verschickt.',
    en: 'It is wrong. Nothing is sent until it is set.',
  },
  'found.clock.behind': {
    de: 'Sie steht früher als schon einmal. Bis sie gestellt ist, wird nichts verschickt.',
    en: 'It is earlier than it was already. Nothing is sent until it is set.',
  },
  'found.clock.nobody-asked': { de: 'Noch konnte niemand gefragt werden.', en: 'Nobody could be asked yet.' },
  'found.push-gateways.silent': {
    de: 'Keine Antwort von {silent}: Telefone werden nicht geweckt.',
    en: 'No answer from {silent}: phones are not woken.',
  },
  'found.backup.not-set-up': { de: 'Nicht eingerichtet.', en: 'Not set up.' },
  'found.backup.never': { de: 'Es gibt noch keine.', en: 'There is none yet.' },
  'found.backup.old': { de: 'Die letzte gute ist zu alt.', en: 'The last good one is too old.' },
  'found.backup.failed': { de: 'Der letzte Versuch ging schief.', en: 'The last attempt failed.' },
  'found.backup.not-tested': { de: 'Lange nicht zur Probe zurückgespielt.', en: 'Not tested for a long time.' },
  'found.internal': {
    de: 'Der Name führt hier ins eigene Netz; von innen lässt sich nicht sehen, ob andere ankommen.',
    en: 'The name leads into the own network here; from inside it cannot be seen whether others arrive.',
  },
  'found.certificate': {
    de: 'Das Zertifikat, das dort gezeigt wird, gilt nicht.',
    en: 'The certificate that is shown there is not accepted.',
  },
  'found.no-name': { de: 'Diesen Namen gibt es nicht.', en: 'There is no such name.' },
  'found.closed': {
    de: 'Dort antwortet niemand. Leitet der Router die Anschlüsse weiter?',
    en: 'Nobody answers there. Does the router pass on the ports?',
  },
  'found.no-answer': { de: 'Von dort kommt keine Antwort.', en: 'No answer from there.' },
  'found.something-else': { de: 'Dort antwortet etwas anderes.', en: 'Something else answers there.' },
} as const satisfies Record<string, Pair>
