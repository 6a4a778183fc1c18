"""Find the people in a photo and print how sure each pose is: python examples/photo.py photo.jpg [figure.png]"""

import sys

import anchorpose
from anchorpose.files.images import read_image, write_image
from anchorpose.share.figures import figure3d


def main(photo: str, figure: str | None = None) -> None:
    people = anchorpose.load()(photo)
    print(f"{len(people)} people in {people.source}, {people.width}x{people.height} px")
    for number, person in enumerate(people):
        body = person.body
        if body is None or body.translation is None:
            continue
        x, y, z = body.translation
        print(f"person {number}: score {person.score:.2f}, {z:.1f} m away, {x:+.1f} m to the side")
        for mode in body.modes:
            print(f"    mode of weight {mode.weight:.2f}, joints within {100 * mode.spread.mean():.0f} cm")
    if figure:
        write_image(figure, figure3d(people, read_image(photo)))


if __name__ == "__main__":
    main(*sys.argv[1:])
