import type { Pair } from '../texts.ts'

export const wizardTexts = {
  'wizard.steps': { de: 'Schritte der Einrichtung', en: 'Steps of the setup' },
  'wizard.claim': { de: 'Code', en: 'Code' },
  'wizard.owner': { de: 'Sie', en: 'You' },
  'wizard.practice': { de: 'Praxis', en: 'Practice' },
  'wizard.name': { de: 'Adresse', en: 'Address' },
  'wizard.reach': { de: 'Anschluss', en: 'Connection' },
  'wizard.backup': { de: 'Sicherung', en: 'Backup' },
  'wizard.recovery': { de: 'Notfallblatt', en: 'Recovery sheet' },
  'wizard.staff': { de: 'Team', en: 'Staff' },
  'wizard.ready': { de: 'Fertig', en: 'Ready' },

  'claim.title': { de: 'Willkommen beim Hausboten', en: 'Welcome to Hausbote' },
  'claim.intro': {
    de: 'Geben Sie den Code ein, der auf dem Gerät steht oder beim Start angezeigt wurde. So ist sicher, dass nur Sie dieses Gerät einrichten und niemand sonst im Netz.',
    en: 'Enter the code that is printed on the box or was shown when it started. It makes sure that only you set up this box, and nobody else on the network.',
  },
  'claim.code': { de: 'Code', en: 'Code' },
  'claim.codeHint': { de: 'Acht Zeichen, zum Beispiel 7K3M-9QTX', en: 'Eight characters, for instance 7K3M-9QTX' },
  'claim.wrong': {
    de: 'Dieser Code stimmt nicht. Sehen Sie bitte noch einmal nach; Groß und Klein spielen keine Rolle.',
    en: 'This is not the code. Please look again; capitals do not matter.',
  },
  'claim.locked': {
    de: 'Es wurden zu viele falsche Codes eingegeben. In {minutes} Minuten können Sie es wieder versuchen.',
    en: 'Too many wrong codes were entered. You can try again in {minutes} minutes.',
  },

  'signIn.title': { de: 'Anmelden', en: 'Sign in' },
  'signIn.name': { de: 'Ihr Name', en: 'Your name' },
  'signIn.password': { de: 'Passwort', en: 'Password' },
  'signIn.wrong': { de: 'Name oder Passwort stimmen nicht.', en: 'Name or password are not right.' },
  'signIn.locked': {
    de: 'Das Passwort wurde zu oft falsch eingegeben. In {minutes} Minuten können Sie es wieder versuchen.',
    en: 'A wrong password was entered too often. You can try again in {minutes} minutes.',
  },

  'owner.title': { de: 'Wer richtet die Praxis ein?', en: 'Who sets up the practice?' },
  'owner.intro': {
    de: 'Mit diesem Namen und Passwort öffnen Sie künftig diese Seite. Bewahren Sie das Passwort gut auf: Es gehört zum Gerät, nicht zu Ihrem Telefon.',
    en: 'With this name and password you open this page from now on. Keep the password safe: it belongs to the box, not to your phone.',
  },
  'owner.language': { de: 'Sprache', en: 'Language' },
  'owner.german': { de: 'Deutsch', en: 'Deutsch' },
  'owner.english': { de: 'English', en: 'English' },
  'owner.name': { de: 'Ihr Name', en: 'Your name' },
  'owner.nameHint': { de: 'Zum Beispiel Dr. Maria Sommer', en: 'For instance Dr Maria Summer' },
  'owner.password': { de: 'Passwort', en: 'Password' },
  'owner.passwordHint': {
    de: 'Mindestens zehn Zeichen. Am besten vier Wörter, die nichts miteinander zu tun haben.',
    en: 'At least ten characters. Best are four words that have nothing to do with each other.',
  },
  'owner.passwordAgain': { de: 'Passwort noch einmal', en: 'Password again' },
  'owner.different': { de: 'Das sind zwei verschiedene Passwörter.', en: 'These are two different passwords.' },
  'owner.taken': {
    de: 'Jemand anderes hat das Gerät gerade eingerichtet. Wenn Sie das nicht waren, fragen Sie in der Praxis nach.',
    en: 'Somebody else has just set up this box. If that was not you, ask in the practice.',
  },
  'password.short': { de: 'Das Passwort braucht mindestens zehn Zeichen.', en: 'The password needs at least ten characters.' },
  'password.long': { de: 'Das Passwort hat mehr als {most} Zeichen.', en: 'The password has more than {most} characters.' },
  'password.weak': {
    de: 'Dieses Passwort wäre zu schnell erraten. Nehmen Sie vier Wörter, die nichts miteinander zu tun haben.',
    en: 'This password would be guessed too soon. Take four words that have nothing to do with each other.',
  },

  'practice.title': { de: 'Ihre Praxis', en: 'Your practice' },
  'practice.name': { de: 'Name der Praxis', en: 'Name of the practice' },
  'practice.nameHint': {
    de: 'So, wie er auf dem Schild steht. Er lässt sich später ändern.',
    en: 'As on the sign at the door. It can be changed later.',
  },
  'practice.mode': { de: 'Mit wem möchten Sie schreiben?', en: 'With whom do you want to write?' },
  'practice.open': { de: 'Mit dem offenen Matrix-Netz', en: 'With the open Matrix network' },
  'practice.openHint': {
    de: 'Mit allen Praxen, Krankenhäusern und Menschen, die dieses Netz benutzen.',
    en: 'With all practices, hospitals and people who use this network.',
  },
  'practice.tim': { de: 'Mit dem TI-Messenger (in Vorbereitung)', en: 'With the TI-Messenger (in preparation)' },
  'practice.timHint': {
    de: 'Nur mit Teilnehmern am Netz des deutschen Gesundheitswesens. Diese Version kann das noch nicht.',
    en: 'Only with those on the network of German health care. This version cannot do that yet.',
  },

  'name.title': { de: 'Die Internet-Adresse Ihrer Praxis', en: 'The internet address of your practice' },
  'name.intro': {
    de: 'Jeder in der Praxis bekommt eine Adresse, wie bei E-Mail: erst der Name, dann die Adresse der Praxis.',
    en: 'Everybody in the practice gets an address, as with e-mail: first the name, then the address of the practice.',
  },
  'name.example': { de: '{person} an {name}', en: '{person} at {name}' },
  'name.permanent': {
    de: 'Diese Adresse gilt für immer. Sie steht in jeder Nachricht und kann später nicht geändert werden, auch nicht von einem Techniker.',
    en: 'This address is for ever. It is part of every message and cannot be changed later, not even by a technician.',
  },
  'name.advice': {
    de: 'Nehmen Sie den Namen, den Ihre Praxis im Internet hat, zum Beispiel praxis-sommer.de. Haben Sie noch keinen, lassen Sie sich zuerst einen eintragen.',
    en: 'Take the name that your practice has on the internet, for instance praxis-sommer.de. If you have none yet, get one first.',
  },
  'name.name': { de: 'Internet-Adresse der Praxis', en: 'Internet address of the practice' },
  'name.nameHint': { de: 'Zum Beispiel praxis-sommer.de', en: 'For instance praxis-sommer.de' },
  'name.again': { de: 'Noch einmal, zur Sicherheit', en: 'Once more, to be sure' },
  'name.understood': {
    de: 'Ich weiß, dass sich diese Adresse nie mehr ändern lässt.',
    en: 'I know that this address can never be changed.',
  },
  'name.notUnderstood': {
    de: 'Bitte bestätigen Sie, dass die Adresse für immer gilt.',
    en: 'Please confirm that the address is for ever.',
  },
  'name.malformed': {
    de: 'Das ist keine Adresse wie praxis-sommer.de: kleine Buchstaben, Ziffern und Striche, dazwischen mindestens ein Punkt.',
    en: 'This is no address such as praxis-sommer.de: small letters, digits and hyphens, with at least one dot in between.',
  },
  'name.unknown': {
    de: 'Im Internet ist {name} noch nicht eingetragen. Prüfen Sie die Schreibweise; gehört Ihnen der Name noch nicht, lassen Sie ihn zuerst eintragen.',
    en: '{name} is not entered on the internet yet. Check the spelling; if the name is not yours yet, get it first.',
  },
  'name.unknownAnyway': {
    de: 'Die Schreibweise stimmt, und der Name gehört der Praxis.',
    en: 'The spelling is right, and the name belongs to the practice.',
  },
  'name.different': { de: 'Das sind zwei verschiedene Adressen.', en: 'These are two different addresses.' },
  'name.notStarted': {
    de: 'Die Adresse ist gespeichert, aber der Nachrichtendienst startet nicht: {problem}',
    en: 'The address is saved, but the message service does not start: {problem}',
  },

  'ready.title': { de: 'Alles bereit', en: 'All is ready' },
  'ready.intro': { de: 'Das haben Sie eingerichtet:', en: 'This is what you set up:' },
  'ready.practice': { de: 'Praxis', en: 'Practice' },
  'ready.address': { de: 'Adresse', en: 'Address' },
  'ready.owner': { de: 'Eingerichtet von', en: 'Set up by' },
  'ready.finish': { de: 'Zur Übersicht', en: 'To the overview' },

  'start.title': { de: 'Übersicht', en: 'Overview' },
  'start.messagesStopped': {
    de: 'Der Nachrichtendienst läuft nicht: {problem}',
    en: 'The message service does not run: {problem}',
  },
} as const satisfies Record<string, Pair>
