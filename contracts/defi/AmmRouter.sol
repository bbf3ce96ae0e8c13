// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAmmFactory} from "../interfaces/IAmmFactory.sol";
import {IAmmPair} from "../interfaces/IAmmPair.sol";
import {IAmmRouter} from "../interfaces/IAmmRouter.sol";
import {SafeTransfer} from "./SafeTransfer.sol";

/// @title Deadlines, limits and paths around the pairs of one factory
/// @notice Holds no tokens and no state between transactions.
contract AmmRouter is IAmmRouter {
    using SafeTransfer for address;

    uint256 private constant FEE_PER_MILLE = 3;
    uint256 private constant MILLE = 1000;
    /// @dev Most tokens on a path: bounds the loops.
    uint256 private constant PATH_LENGTH_MAX = 8;

    IAmmFactory private immutable _factory;

    modifier before(uint256 deadline) {
        if (block.timestamp > deadline) revert Expired(deadline, block.timestamp);
        _;
    }

    constructor(IAmmFactory factory_) {
        _factory = factory_;
    }

    /// @inheritdoc IAmmRouter
    function factory() external view returns (address) {
        return address(_factory);
    }

    /// @inheritdoc IAmmRouter
    function addLiquidity(
        address tokenA,
        address tokenB,
        uint256 amountADesired,
        uint256 amountBDesired,
        uint256 amountAMin,
        uint256 amountBMin,
        address to,
        uint256 deadline
    ) external before(deadline) returns (uint256 amountA, uint256 amountB, uint256 shares) {
        if (_factory.pairOf(tokenA, tokenB) == address(0)) _factory.createPair(tokenA, tokenB);
        (amountA, amountB) = _amountsToAdd(tokenA, tokenB, amountADesired, amountBDesired);
        _checkMinimum(tokenA, amountA, amountAMin);
        _checkMinimum(tokenB, amountB, amountBMin);
        shares = _deposit(tokenA, tokenB, amountA, amountB, to);
    }

    /// @inheritdoc IAmmRouter
    function removeLiquidity(
        address tokenA,
        address tokenB,
        uint256 shares,
        uint256 amountAMin,
        uint256 amountBMin,
        address to,
        uint256 deadline
    ) external before(deadline) returns (uint256 amountA, uint256 amountB) {
        address pair = _pair(tokenA, tokenB);
        pair.pull(msg.sender, pair, shares);
        (amountA, amountB) = IAmmPair(pair).burn(to);
        if (tokenA > tokenB) (amountA, amountB) = (amountB, amountA);
        _checkMinimum(tokenA, amountA, amountAMin);
        _checkMinimum(tokenB, amountB, amountBMin);
    }

    /// @inheritdoc IAmmRouter
    function swapExactTokensForTokens(
        uint256 amountIn,
        uint256 amountOutMin,
        address[] calldata path,
        address to,
        uint256 deadline
    ) external before(deadline) returns (uint256[] memory amounts) {
        amounts = amountsOut(amountIn, path);
        uint256 last = path.length - 1;
        _checkMinimum(path[last], amounts[last], amountOutMin);
        _swap(amounts, path, to);
    }

    /// @inheritdoc IAmmRouter
    function swapTokensForExactTokens(
        uint256 amountOut,
        uint256 amountInMax,
        address[] calldata path,
        address to,
        uint256 deadline
    ) external before(deadline) returns (uint256[] memory amounts) {
        amounts = amountsIn(amountOut, path);
        if (amounts[0] > amountInMax) revert AmountAboveMaximum(path[0], amounts[0], amountInMax);
        _swap(amounts, path, to);
    }

    /// @inheritdoc IAmmRouter
    function amountsOut(uint256 amountIn, address[] calldata path) public view returns (uint256[] memory amounts) {
        _checkPath(path);
        amounts = new uint256[](path.length);
        amounts[0] = amountIn;
        for (uint256 i = 1; i < path.length; i++) {
            (uint256 reserveIn, uint256 reserveOut) = _reserves(path[i - 1], path[i]);
            amounts[i] = _amountOut(amounts[i - 1], reserveIn, reserveOut);
        }
    }

    /// @inheritdoc IAmmRouter
    function amountsIn(uint256 amountOut, address[] calldata path) public view returns (uint256[] memory amounts) {
        _checkPath(path);
        amounts = new uint256[](path.length);
        amounts[path.length - 1] = amountOut;
        for (uint256 i = path.length - 1; i > 0; i--) {
            (uint256 reserveIn, uint256 reserveOut) = _reserves(path[i - 1], path[i]);
            amounts[i - 1] = _amountIn(amounts[i], reserveIn, reserveOut);
        }
    }

    /// @dev Pays the first pair and lets each pair pay the next one; the last pays `to`.
    function _swap(uint256[] memory amounts, address[] calldata path, address to) private {
        address pair = _pair(path[0], path[1]);
        path[0].pull(msg.sender, pair, amounts[0]);
        for (uint256 i = 1; i < path.length; i++) {
            bool isLast = i == path.length - 1;
            address next = isLast ? to : _pair(path[i], path[i + 1]);
            bool isFirstToken = path[i] < path[i - 1];
            IAmmPair(pair).swap(isFirstToken ? amounts[i] : 0, isFirstToken ? 0 : amounts[i], next);
            pair = next;
        }
    }

    function _deposit(address tokenA, address tokenB, uint256 amountA, uint256 amountB, address to)
        private
        returns (uint256 shares)
    {
        address pair = _pair(tokenA, tokenB);
        tokenA.pull(msg.sender, pair, amountA);
        tokenB.pull(msg.sender, pair, amountB);
        shares = IAmmPair(pair).mint(to);
    }

    /// @dev The largest amounts within both wishes that keep the price; the wishes themselves in an empty pair.
    function _amountsToAdd(address tokenA, address tokenB, uint256 amountADesired, uint256 amountBDesired)
        private
        view
        returns (uint256 amountA, uint256 amountB)
    {
        (uint256 reserveA, uint256 reserveB) = _reserves(tokenA, tokenB);
        if (reserveA == 0 && reserveB == 0) return (amountADesired, amountBDesired);
        amountB = (amountADesired * reserveB) / reserveA;
        if (amountB <= amountBDesired) return (amountADesired, amountB);
        // The other way round fits: amountADesired · reserveB > amountBDesired · reserveA, so this is below
        // amountADesired.
        return ((amountBDesired * reserveA) / reserveB, amountBDesired);
    }

    /// @dev What `amountIn` buys: out = in·997·reserveOut / (reserveIn·1000 + in·997), rounded down.
    function _amountOut(uint256 amountIn, uint256 reserveIn, uint256 reserveOut) private pure returns (uint256) {
        if (amountIn == 0) revert ZeroAmount();
        if (reserveIn == 0 || reserveOut == 0) revert InsufficientReserves(amountIn, reserveIn, reserveOut);
        uint256 amountAfterFee = amountIn * (MILLE - FEE_PER_MILLE);
        return (amountAfterFee * reserveOut) / (reserveIn * MILLE + amountAfterFee);
    }

    /// @dev What `amountOut` costs: in = reserveIn·out·1000 / ((reserveOut − out)·997), rounded up.
    function _amountIn(uint256 amountOut, uint256 reserveIn, uint256 reserveOut) private pure returns (uint256) {
        if (amountOut == 0) revert ZeroAmount();
        if (amountOut >= reserveOut) revert InsufficientReserves(amountOut, reserveIn, reserveOut);
        return (reserveIn * amountOut * MILLE) / ((reserveOut - amountOut) * (MILLE - FEE_PER_MILLE)) + 1;
    }

    function _reserves(address tokenIn, address tokenOut)
        private
        view
        returns (uint256 reserveIn, uint256 reserveOut)
    {
        (reserveIn, reserveOut) = IAmmPair(_pair(tokenIn, tokenOut)).reserves();
        if (tokenIn > tokenOut) (reserveIn, reserveOut) = (reserveOut, reserveIn);
    }

    function _pair(address tokenA, address tokenB) private view returns (address pair) {
        pair = _factory.pairOf(tokenA, tokenB);
        if (pair == address(0)) revert NoSuchPair(tokenA, tokenB);
    }

    function _checkMinimum(address token, uint256 amount, uint256 minimum) private pure {
        if (amount < minimum) revert AmountBelowMinimum(token, amount, minimum);
    }

    function _checkPath(address[] calldata path) private pure {
        if (path.length < 2 || path.length > PATH_LENGTH_MAX) revert InvalidPathLength(path.length, PATH_LENGTH_MAX);
    }
}
