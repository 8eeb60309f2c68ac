import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { Plugin } from 'esbuild'

/**
 * Packages that are loaded when they are needed. Those of the older kind have no list of what they export, and esbuild gives a part of its own
 * only what it can see: here Node is asked for the names that the source code gets when it runs without a bundle.
 */
export function latePackages(): Plugin {
  const namespace = 'late-package'
  return {
    name: namespace,
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, ({ path, kind, importer }) => {
        if (kind !== 'dynamic-import' || path.startsWith('node:')) return undefined
        return { path, namespace, pluginData: importer }
      })
      build.onLoad({ filter: /.*/, namespace }, async ({ path, pluginData: importer }) => {
        const names = Object.keys((await import(pathToFileURL(createRequire(importer).resolve(path)).href)) as object)
        const wanted = names.filter((name) => name !== 'module.exports')
        return {
          contents: `export { ${wanted.join(', ')} } from ${JSON.stringify(path)}`,
          resolveDir: build.initialOptions.absWorkingDir ?? '',
        }
      })
    },
  }
}
