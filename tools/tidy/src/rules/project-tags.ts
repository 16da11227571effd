import { projectsOf, tagOf } from '../projects.ts';
import type { Rule } from '../violation.ts';
import { mayImport } from './layer-imports.ts';

/** Each project has exactly one known layer and one scope; libs are shared, an app's scope is its own name. */
export const projectTags: Rule = {
  name: 'project-tags',
  check: (files) =>
    projectsOf(files).flatMap((project) => {
      const [layer, scope] = [tagOf(project, 'layer'), tagOf(project, 'scope')];
      const found = (what: string) => [{ path: project.manifest.path, line: 1, what }];
      if (layer === undefined || !Object.hasOwn(mayImport, layer)) {
        return found(`give it exactly one nx tag layer:* out of ${Object.keys(mayImport).join(', ')}`);
      }
      if (scope === undefined) return found('give it exactly one nx tag scope:*');
      const folder = project.folder.split('/')[1];
      if (layer === 'app' && scope !== folder)
        return found(`tag it scope:${folder ?? ''}, as apps have their own scope`);
      return [];
    }),
};
