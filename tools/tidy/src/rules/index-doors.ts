import { projectsOf } from '../projects.ts';
import { sourcesOf } from '../source.ts';
import { at, type Rule } from '../violation.ts';

/** A lib has one door, `src/index.ts`, which names what it lets out. */
export const indexDoors: Rule = {
  name: 'index-doors',
  check: (files) => {
    const libs = projectsOf(files).filter(({ folder }) => folder.startsWith('libs/'));
    const doorless = libs
      .filter(({ folder }) => !files.has(`${folder}/src/index.ts`))
      .map(({ manifest }) => ({ path: manifest.path, line: 1, what: 'give the lib its door, src/index.ts' }));
    const misplaced = files.files
      .filter(({ path }) => /(?:^|\/)index\.tsx?$/.test(path) && !/^libs\/[^/]+\/src\/index\.ts$/.test(path))
      .map(({ path }) => ({ path, line: 1, what: 'name the file after what it holds: index.ts is the door of a lib' }));
    const stars = sourcesOf(files).flatMap(({ file, program }) =>
      program.body.flatMap((node) => {
        if (node.type !== 'ExportAllDeclaration') return [];
        const isNamespace = node.exported !== null && file.path === 'libs/contracts/src/index.ts';
        return isNamespace ? [] : [at(file, node.start, 'name what is exported')];
      }),
    );
    return [...doorless, ...misplaced, ...stars];
  },
};
