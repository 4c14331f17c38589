// SPDX-License-Identifier: Apache-2.0
// Written here after the documented layouts of Pendle's router (pendle-core-v2, RouterStorage and ActionStorageV4) and of Rocket
// Pool's registry and minipools (rocketpool, RocketStorage, RocketMinipoolBase), as small as the tests need them.
pragma solidity ^0.8.20;

abstract contract RouterCore {
    struct Core {
        address owner;
        address pendingOwner;
        mapping(bytes4 => address) selectorToFacet;
    }

    function _core() internal pure returns (Core storage core) {
        assembly {
            core.slot := 0xf168c5b0cb4aca9a68f931815c18a144c61ad01d6dd7ca15bd6741672a0ab800
        }
    }
}

contract PendleActions is RouterCore {
    struct SelectorsToFacet {
        address facet;
        bytes4[] selectors;
    }

    event SelectorToFacetSet(bytes4 indexed selector, address indexed facet);

    function setSelectorToFacets(SelectorsToFacet[] calldata given) external {
        for (uint256 i = 0; i < given.length; i++) {
            for (uint256 j = 0; j < given[i].selectors.length; j++) {
                _core().selectorToFacet[given[i].selectors[j]] = given[i].facet;
                emit SelectorToFacetSet(given[i].selectors[j], given[i].facet);
            }
        }
    }

    // What a facet that is not the original may do: say so, and change nothing.
    function say(bytes4 selector, address facet) external {
        emit SelectorToFacetSet(selector, facet);
    }
}

contract PendleLike is RouterCore {
    constructor(address owner, address actions) {
        _core().owner = owner;
        _core().selectorToFacet[PendleActions.setSelectorToFacets.selector] = actions;
    }

    receive() external payable {}

    fallback() external payable {
        address facet = _core().selectorToFacet[msg.sig];
        require(facet != address(0), "INVALID_SELECTOR");
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), facet, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch done
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }
}

contract RocketStorageLike {
    mapping(bytes32 => uint256) private _uints;
    mapping(bytes32 => address) private _addresses;

    function getAddress(bytes32 key) external view returns (address) {
        return _addresses[key];
    }

    function setAddress(bytes32 key, address value) external {
        _addresses[key] = value;
    }
}

contract RocketMinipoolLike {
    RocketStorageLike private _registry;

    constructor(RocketStorageLike registry) {
        _registry = registry;
    }

    receive() external payable {}

    fallback() external payable {
        address target = _registry.getAddress(keccak256(abi.encodePacked("contract.address", "rocketMinipoolDelegate")));
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), target, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch done
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }
}
