import type { Pair } from '../texts.ts'

/** What stands around every page, and what any page may say. */
export const frameTexts = {
  'frame.product': { de: 'Hausbote', en: 'Hausbote' },
  'frame.skip': { de: 'Zum Inhalt', en: 'Skip to content' },
  'frame.navigation': { de: 'Bereiche', en: 'Sections' },
  'frame.start': { de: 'Übersicht', en: 'Overview' },
  'frame.staff': { de: 'Team', en: 'Staff' },
  'frame.backup': { de: 'Sicherung', en: 'Backup' },
  'frame.log': { de: 'Protokoll', en: 'Log' },
  'frame.settings': { de: 'Einstellungen', en: 'Settings' },
  'frame.signOut': { de: 'Abmelden', en: 'Sign out' },
  'frame.otherLanguage': { de: 'English', en: 'Deutsch' },
  'frame.footer': { de: 'Der Hausbote steht in Ihrer Praxis.', en: 'This Hausbote stands in your practice.' },
  'frame.continue': { de: 'Weiter', en: 'Continue' },
  'frame.back': { de: 'Zurück', en: 'Back' },
  'frame.save': { de: 'Speichern', en: 'Save' },
  'frame.cancel': { de: 'Abbrechen', en: 'Cancel' },
  'frame.print': { de: 'Drucken', en: 'Print' },
  'frame.copy': { de: 'Kopieren', en: 'Copy' },
  'frame.copied': { de: 'Kopiert', en: 'Copied' },
  'frame.problems': { de: 'Bitte sehen Sie sich das noch einmal an:', en: 'Please look at this again:' },
  'frame.required': { de: 'Bitte füllen Sie dieses Feld aus.', en: 'Please fill in this field.' },
  'frame.tooLong': { de: 'Das ist zu lang.', en: 'This is too long.' },

  'error.title': { de: 'Das ging nicht', en: 'That did not work' },
  'error.home': { de: 'Zur ersten Seite', en: 'To the first page' },
  'error.notFound': { de: 'Diese Seite gibt es nicht.', en: 'There is no such page.' },
  'error.fault': {
    de: 'Im Hausboten ist ein Fehler aufgetreten. Bitte versuchen Sie es noch einmal; hilft das nicht, geben Sie Ihrem Techniker die Uhrzeit: {time}',
    en: 'Something went wrong inside Hausbote. Please try again; if that does not help, tell your technician the time: {time}',
  },
  'error.form': {
    de: 'Die Seite war zu lange offen oder kam von woanders. Bitte öffnen Sie sie neu und versuchen Sie es noch einmal.',
    en: 'The page was open for too long, or came from somewhere else. Please open it again and retry.',
  },
  'error.often': {
    de: 'Das waren sehr viele Anfragen. Bitte warten Sie einen Augenblick.',
    en: 'That was very much at once. Please wait a moment.',
  },
  'error.source': {
    de: 'Diese Seite ist nur aus dem Netz der Praxis zu erreichen.',
    en: 'This page can be reached from the network of the practice only.',
  },
  'error.host': {
    de: 'Unter diesem Namen ist die Seite nicht zu erreichen. Benutzen Sie die Adresse, die der Hausbote beim Start anzeigt.',
    en: 'The page cannot be reached under this name. Use the address that Hausbote shows when it starts.',
  },
  'error.disk': {
    de: 'Der Hausbote kann gerade nichts speichern; vielleicht ist der Speicher voll.',
    en: 'Hausbote cannot store anything at the moment; perhaps the disk is full.',
  },
} as const satisfies Record<string, Pair>
