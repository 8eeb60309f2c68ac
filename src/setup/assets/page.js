// An enhancement only: every page works without it.
for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy)
    const label = button.textContent
    button.textContent = button.dataset.copied
    button.addEventListener(
      'blur',
      () => {
        button.textContent = label
      },
      { once: true },
    )
  })
}
for (const button of document.querySelectorAll('button[data-print]')) {
  button.hidden = false
  button.addEventListener('click', () => window.print())
}
for (const list of document.querySelectorAll('[data-live]')) {
  const source = new EventSource(list.dataset.live)
  source.addEventListener('lights', ({ data }) => {
    list.innerHTML = data
  })
}
